"""Sources of identity: passwords kept here; directories and issuers come behind the same port."""
