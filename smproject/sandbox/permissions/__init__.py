"""Who may do what: AWS's policy language, evaluated where a call leaves its caller's account."""
