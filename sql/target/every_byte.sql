-- Question: none; lets every byte of a SQL_ASCII database through, there and back, as one letter.
-- Caller: agentdb.target.connection, on databases of that encoding only.
-- Needs: nothing.
SELECT /* agentdb */
    set_config('client_encoding', 'LATIN1', false)
