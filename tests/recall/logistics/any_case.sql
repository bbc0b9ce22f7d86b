SELECT id, tracking_no FROM shipments WHERE upper(contact_email) = 'GOODS.IN77@FIRM.EXAMPLE' AND service = 'express'
