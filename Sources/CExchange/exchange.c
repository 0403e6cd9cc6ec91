#include "exchange.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { FRAME_HEADER = 9, DATA = 0, HEADERS = 1, END_STREAM = 1, END_HEADERS = 4, REQUEST_STREAM = 1, MAX_PATH = 100 };
enum { READ_BUFFER = 65536, TIMEOUT_SECONDS = 5 };

static const char PREFACE[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
			      "\0\0\0\4\0\0\0\0\0"; // and an empty SETTINGS

static const char AUTHORITY[] = "\1\5bench"; // HPACK: literal without indexing, name 1 (:authority)

static size_t write_frame_header(uint8_t *to, uint32_t length, uint8_t type, uint8_t flags, uint32_t stream)
{
	const uint8_t header[FRAME_HEADER] = {length >> 16, length >> 8,  length,      type,  flags,
					      stream >> 24, stream >> 16, stream >> 8, stream};
	memcpy(to, header, sizeof(header));
	return sizeof(header);
}

// The preface, SETTINGS, and GET with http as the scheme. Returns the length.
static size_t write_request(uint8_t *to, const char *path)
{
	size_t length = strlen(path), size = sizeof(PREFACE) - 1;
	uint8_t block[8 + sizeof(AUTHORITY) + MAX_PATH] = {0x82, 0x86, 0x04, (uint8_t)length}; // GET, http, :path
	size_t block_size = 4;

	memcpy(block + block_size, path, length);
	block_size += length;
	memcpy(block + block_size, AUTHORITY, sizeof(AUTHORITY) - 1);
	block_size += sizeof(AUTHORITY) - 1;
	memcpy(to, PREFACE, size);
	size += write_frame_header(to + size, block_size, HEADERS, END_STREAM | END_HEADERS, REQUEST_STREAM);
	memcpy(to + size, block, block_size);
	return size + block_size;
}

struct reader {
	uint8_t header[FRAME_HEADER];
	uint32_t have, left; // of the header, and of the payload
	int is_last;	     // the payload ends the answer
	int64_t body;
};

static void begin_payload(struct reader *r)
{
	const uint8_t *h = r->header;
	uint32_t stream = (uint32_t)(h[5] & 0x7f) << 24 | h[6] << 16 | h[7] << 8 | h[8];

	r->have = 0;
	r->left = h[0] << 16 | h[1] << 8 | h[2];
	if (stream != REQUEST_STREAM || h[3] > HEADERS)
		return;
	r->is_last = h[4] & END_STREAM;
	if (h[3] == DATA)
		r->body += r->left;
}

// Follows frames through what was read. Returns whether the answer has ended.
static int follow(struct reader *r, const uint8_t *bytes, size_t count)
{
	while (count) {
		if (r->left) {
			size_t step = r->left < count ? r->left : count;

			r->left -= step;
			bytes += step;
			count -= step;
		} else {
			r->header[r->have++] = *bytes++;
			count--;
			if (r->have == FRAME_HEADER)
				begin_payload(r);
		}
		if (r->is_last && !r->left)
			return 1;
	}
	return 0;
}

static int64_t ask(int socket, const char *path)
{
	uint8_t request[sizeof(PREFACE) + 2 * FRAME_HEADER + sizeof(AUTHORITY) + MAX_PATH], answer[READ_BUFFER];
	ssize_t size = write_request(request, path), count;
	struct reader reader = {0};

	if (send(socket, request, size, MSG_NOSIGNAL) != size)
		return -errno;
	while ((count = recv(socket, answer, sizeof(answer), 0)) > 0)
		if (follow(&reader, answer, count))
			return reader.body;
	if (!count)
		return -EPROTO;
	return errno == EAGAIN ? -ETIMEDOUT : -errno;
}

int64_t exchange_once(const char *address, uint16_t port, const char *path)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval timeout = {.tv_sec = TIMEOUT_SECONDS};
	int64_t result;
	int socket_, one = 1;

	if (strlen(path) > MAX_PATH || inet_pton(AF_INET, address, &to.sin_addr) != 1)
		return -EINVAL;
	socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (socket_ < 0)
		return -errno;
	setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (connect(socket_, (struct sockaddr *)&to, sizeof(to)))
		result = -errno;
	else
		result = ask(socket_, path);
	close(socket_);
	return result;
}
