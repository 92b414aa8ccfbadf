"""The platform's side of enrolment: issue codes, answer devices, keep the broker's password file up to date."""
