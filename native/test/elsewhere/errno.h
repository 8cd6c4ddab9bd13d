#error "Errors are Linux's numbers on every system: linux_errno.h. Its own number only its kernel file knows."
