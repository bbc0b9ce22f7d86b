UPDATE shipments SET state = 'delivered', removed_on = NULL WHERE tracking_no = 'TRK00015814'
