"""Is advice as sure as it says? Random databases, real audits, and what following them brought."""
