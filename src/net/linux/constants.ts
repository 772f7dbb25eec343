// Constants of Linux's headers that several files use.

export const SOL_IP = 0, SOL_IPV6 = 41;
export const SOL_SOCKET = 1;
export const EPERM = 1, ENOENT = 2;
export const AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10;
/** SOCK_STREAM, SOCK_NONBLOCK and SOCK_CLOEXEC. */
export const STREAM = 1 | 0o4000 | 0o2000000;
