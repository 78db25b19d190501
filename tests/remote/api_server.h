/* A server on 127.0.0.1 that speaks the protocols of the embedding APIs, and misbehaves when told to. It remembers what
 * it was asked and counts what it would have billed. Threads of the test's own process: start it in the test. */
#ifndef API_SERVER_H
#define API_SERVER_H

#include <stdbool.h>
#include <stdint.h>

typedef enum api_fault {
    FAULT_NONE,
    FAULT_429_AFTER_1,    /* Retry-After: 1 */
    FAULT_429,            /* without it */
    FAULT_429_AFTER_3600, /* */
    FAULT_429_QUOTA,      /* an empty account */
    FAULT_400,            /* with a message in each protocol's form */
    FAULT_401_ECHO,       /* says the key in its message */
    FAULT_404,
    FAULT_413,
    FAULT_500,
    FAULT_502_HTML,
    FAULT_302,           /* to a place that answers well */
    FAULT_HANG,          /* no answer before the client's time is over */
    FAULT_CLOSE,         /* the connection ends without an answer */
    FAULT_SHORT,         /* it ends within the answer */
    FAULT_ENDLESS,       /* an answer that does not end */
    FAULT_TRUNCATED,     /* whole by its length, but the JSON ends early */
    FAULT_ECHO_IN_JSON,  /* the key where a number should be */
    FAULT_HTML,          /* 200 and a web page */
    FAULT_EMPTY,         /* 200 and nothing */
    FAULT_WRONG_WIDTH,   /* the last vector is one short */
    FAULT_WRONG_COUNT,   /* the last vector is missing */
    FAULT_NAN,           /* bare NaN */
    FAULT_NULL,          /* null for a number */
    FAULT_STRING,        /* "0.5" for a number */
    FAULT_1E39,          /* more than a float holds */
    FAULT_TOKEN_VECTORS, /* a vector for each token */
    FAULT_SHUFFLED,      /* the vectors in another order, told by index */
    FAULT_SAME_INDEX,    /* index 0 twice */
    FAULT_FAR_INDEX,     /* index n */
} api_fault;

enum { API_WIDTH = 8, API_MOST_REQUESTS = 256 };

typedef struct api_request {
    char method[8], path[256];
    char *head, *body; /* NUL-terminated */
    double at_ms;
} api_request;

typedef struct api_server api_server;

api_server *api_server_start(void);
void api_server_stop(api_server *s);
int api_server_port(const api_server *s);

/* What the next POST requests get, in the order in which they come; then `always`. */
void api_server_script(api_server *s, const api_fault *faults, int n, api_fault always);
/* The key that FAULT_..._ECHO repeats. */
void api_server_set_secret(api_server *s, const char *secret);
/* GET /info and /api/tags answer 404 when it is NULL. */
void api_server_set_identity(api_server *s, const char *model, const char *digest, int most_texts);

int api_server_n_posts(api_server *s);
int64_t api_server_n_billed(api_server *s); /* texts in good answers */
int api_server_most_at_once(api_server *s); /* POST requests under way at a time */
const api_request *api_server_post(api_server *s, int i);
/* The value of a header, or NULL; lives until the next call. */
const char *api_request_header(const api_request *r, const char *name);

/* Number k of the vector of a text: exact in float. */
float api_server_value(const char *text, int64_t n_bytes, int64_t k);

#endif
