SELECT member_id, sid FROM login_session WHERE device_key IN ('dev3571', 'dev7142', 'dev10713', 'dev14284')
