/* agentdb */
-- Question: who is speaking? The demo's application, from now on.
-- Caller: agentdb.demo (drive). Needs: nothing.
SELECT /* agentdb */
    set_config('application_name', %(application)s, false)
