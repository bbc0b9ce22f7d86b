/* agentdb */
-- Question: what does autovacuum do in the first hour? Statistics and visibility maps, at once.
-- Caller: agentdb.demo (load), after data.sql. Needs: to own the tables, no open transaction.
VACUUM (ANALYZE) clinic.patients, clinic.medicines, clinic.appointments, clinic.device_readings,
  clinic.bills, clinic.bill_lines, clinic."labOrders"
