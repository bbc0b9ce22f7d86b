/* agentdb */
-- Question: what does autovacuum do in the first hour? Statistics and visibility maps, at once.
-- Caller: agentdb.demo (load), after data.sql. Needs: to own the tables, no open transaction.
VACUUM (ANALYZE) shop.users, shop.courses, shop.enrolments, shop.behavior_logs, shop.orders,
  shop.order_items, shop.payments, shop.sessions, shop."supportTickets", shop_billing.invoices
