"""Every error agentdb raises on purpose.

The message says what happened and what to do next; a door prints it as one line.

    AgentDBError
    ├── BadSetting                a setting that cannot be used
    ├── DatabaseError             our own tables
    │   ├── DatabaseUnreachable
    │   ├── SetupMissing
    │   ├── SchemaMissing
    │   ├── SchemaOutOfDate
    │   ├── SchemaTooNew
    │   ├── DimensionMismatch
    │   ├── StatusRefused
    │   ├── SpaceMismatch
    │   ├── TenantRefused
    │   ├── Conflict
    │   ├── AttachmentBroken
    │   ├── TableBusy
    │   ├── SpaceUnready
    │   └── NotFound
    ├── TargetError               the audited database
    │   ├── TargetUnreachable
    │   ├── TargetTooOld
    │   ├── TargetBusy
    │   ├── TargetLost
    │   ├── StatementsUnavailable
    │   ├── ExtensionTooOld
    │   ├── TargetRefused
    │   ├── TrialsRefused
    │   ├── SchemaTaken
    │   └── SandboxEscaped
    ├── AuditRunning
    ├── DeliveryError             advice on its way out
    │   ├── UnclearRepository
    │   ├── Undeliverable
    │   ├── ClientMissing
    │   ├── ForgeUnreachable
    │   ├── ForgeRefused
    │   ├── RepositoryRefused
    │   └── DeliveryRunning
    ├── SnapshotRunning
    ├── WeekRunning
    ├── WeekFailed
    ├── BadInput                  what a caller gave cannot be kept or searched for
    │   ├── BadText
    │   ├── BadMetadata
    │   ├── BadFilter
    │   ├── BadTemplate
    │   ├── MissingVariables
    │   ├── BadState
    │   ├── BadData
    │   └── NotAttachable
    ├── ReaderMissing
    ├── FrameworkMissing          is an ImportError too
    ├── EmbeddingError
    │   └── ModelUnavailable
    └── EmbeddedError             the server we start ourselves
        ├── EmbeddedUnavailable
        ├── EmbeddedFailed
        └── EmbeddedStopped
"""

from __future__ import annotations


class AgentDBError(Exception):
    """Something agentdb knows how to explain; the text names the next step."""


class BadSetting(AgentDBError):
    """A setting cannot be used as it is."""


class DatabaseError(AgentDBError):
    """agentdb's own tables cannot be used as they are."""


class DatabaseUnreachable(DatabaseError):
    """The database that holds agentdb's tables does not answer."""


class SetupMissing(DatabaseError):
    """An extension or a privilege that only a superuser can give is not there: run `sql/setup`."""


class SchemaMissing(DatabaseError):
    """The schema `agentdb` is not there: run `agentdb init`."""


class SchemaOutOfDate(DatabaseError):
    """The schema `agentdb` is older than this program: run `agentdb init`."""


class SchemaTooNew(DatabaseError):
    """The schema `agentdb` is newer than this program: upgrade agentdb."""


class DimensionMismatch(DatabaseError):
    """A vector does not have the dimension of the column it was meant for."""


class StatusRefused(DatabaseError):
    """A recommendation cannot go from the status it has to the one asked for."""


class SpaceMismatch(DatabaseError):
    """Vectors of another model are kept: only vectors of one model compare."""


class TenantRefused(DatabaseError):
    """Rows of a tenant that has not been announced: row-level security refuses them."""


class Conflict(DatabaseError):
    """Somebody else has saved meanwhile; `newest` is the version that is there now."""

    def __init__(self, message: str, newest: int) -> None:
        super().__init__(message)
        self.newest = newest


class SpaceUnready(DatabaseError):
    """The vectors of another model cannot take over yet, or there is nothing to go back to."""


class NotFound(DatabaseError):
    """No row has that id."""


class AttachmentBroken(DatabaseError):
    """What was attached is not there any more as it was: detach it, and attach it again."""


class TableBusy(DatabaseError):
    """A business table is locked by somebody else: try again."""


class TargetError(AgentDBError):
    """The audited database cannot be used as it is."""


class TargetUnreachable(TargetError):
    """The audited database does not answer."""


class TargetTooOld(TargetError):
    """The audited server is older than agentdb can read."""


class TargetBusy(TargetError):
    """The audited database holds locks that agentdb will not wait for."""


class TargetLost(TargetError):
    """The audited database went away in the middle of the audit."""


class StatementsUnavailable(TargetError):
    """pg_stat_statements cannot be read on the audited database."""


class ExtensionTooOld(TargetError):
    """pg_stat_statements is older than agentdb can read."""


class SchemaTaken(TargetError):
    """The demo's schema name belongs to somebody else: use an empty database."""


class TargetRefused(TargetError):
    """The role may not do on the audited database what an audit needs."""


class TrialsRefused(TargetError):
    """Something on the target makes trials unsafe."""


class SandboxEscaped(TargetError):
    """A statement left the transaction it was to be tried in."""


class AuditRunning(AgentDBError):
    """Another audit of the same target is running."""


class DeliveryError(AgentDBError):
    """Advice cannot be delivered as it was asked for."""


class UnclearRepository(DeliveryError):
    """A repository does not say where a migration goes, or after which other one."""


class Undeliverable(DeliveryError):
    """Advice that is no change of the database, or that nothing safe can be made of."""


class SnapshotRunning(AgentDBError):
    """Another snapshot of the same target is being taken."""


class WeekRunning(AgentDBError):
    """Another weekly run of the same target is under way."""


class WeekFailed(AgentDBError):
    """Steps of a weekly run failed: `agentdb status` names them."""


class BadInput(AgentDBError):
    """What a caller gave cannot be kept or searched for as it is."""


class BadText(BadInput):
    """A text is empty, too long, or holds what Postgres cannot keep."""


class BadMetadata(BadInput):
    """Metadata hold something that JSON cannot."""


class BadFilter(BadInput):
    """A filter names an operator or an operand that there is not."""


class BadTemplate(BadInput):
    """The template of a prompt has a `$` that is neither a variable nor a `$$`."""


class MissingVariables(BadInput):
    """A prompt was to be rendered without a value for each of its variables."""


class BadState(BadInput):
    """An agent's state holds what JSON in Postgres cannot, or is too large."""


class BadData(BadInput):
    """A file of questions or conversations is not what it should be."""


class NotAttachable(BadInput):
    """A table is not there, or its rows cannot be followed."""


class ReaderMissing(AgentDBError):
    """The library that reads this kind of file is not installed: `agentdb[documents]`."""


class ClientMissing(DeliveryError):
    """The library that speaks to GitHub and GitLab is not installed: `agentdb[deliver]`."""


class ForgeUnreachable(DeliveryError):
    """GitHub, GitLab or whoever takes messages does not answer, or asks to wait: try again."""


class ForgeRefused(DeliveryError):
    """GitHub, GitLab or whoever takes messages refuses; `status` is its answer's, as in HTTP."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class RepositoryRefused(DeliveryError):
    """The git repository cannot be read, or does not take what is pushed."""


class DeliveryRunning(DeliveryError):
    """Somebody else is delivering right now."""


class FrameworkMissing(AgentDBError, ImportError):
    """The framework of an integration is not installed: `agentdb[langchain]`, `[langgraph]`."""


class EmbeddingError(AgentDBError):
    """A text could not be turned into a vector."""


class ModelUnavailable(EmbeddingError):
    """The embedding model is not installed or not what it should be."""


class EmbeddedError(AgentDBError):
    """The embedded server cannot be used as it is."""


class EmbeddedUnavailable(EmbeddedError):
    """The embedded server cannot run on this machine."""


class EmbeddedFailed(EmbeddedError):
    """The embedded server was started and did not come up."""


class EmbeddedStopped(EmbeddedError):
    """The embedded server does not run: start it with `agentdb server start`."""
