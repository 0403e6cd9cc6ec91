// Connect, one HTTP/2 request, close: with nothing around it that would take time itself.
#pragma once

#include <stdint.h>

// Opens a connection to an IPv4 address, asks for a path, reads the answer to its end and closes the connection.
//
// Returns the bytes of the answer's body, or a negative errno: EPROTO where the server did not answer as it should, and
// ETIMEDOUT where it took more than five seconds.
int64_t exchange_once(const char *address, uint16_t port, const char *path);
