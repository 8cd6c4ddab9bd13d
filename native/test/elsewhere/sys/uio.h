#ifndef ELSEWHERE_UIO_H
#define ELSEWHERE_UIO_H

#include <stddef.h>

struct iovec {
    void *iov_base;
    size_t iov_len;
};

#endif
