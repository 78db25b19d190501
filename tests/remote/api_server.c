/* A server for tests: see api_server.h. One thread a connection, one request a connection. */
#include "api_server.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "autograd/base/file.h"
#include "data/formats/json.h"

struct api_server {
    int socket, port;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    int n_open; /* connections */
    bool stopping;
    api_fault script[64], always;
    int n_script, next;
    char secret[64], model[128], digest[128];
    int most_texts;
    bool has_identity;
    api_request posts[API_MOST_REQUESTS];
    int n_posts, n_under_way, most_at_once;
    int64_t n_billed;
};

typedef struct api_connection {
    api_server *server;
    int socket;
} api_connection;

float api_server_value(const char *text, int64_t n_bytes, int64_t k) {
    uint64_t hash = 0xcbf29ce484222325U; /* FNV-1a */
    for (int64_t i = 0; i < n_bytes; i++) hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3U;
    hash ^= (uint64_t)k * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 29;
    hash *= 0xbf58476d1ce4e5b9U;
    return (float)((double)(hash >> 48) / 65536.0 - 0.5); /* 16 bits */
}

/* ---- answers ---- */

static void put_number(senc_buffer *out, api_fault fault, bool is_odd, const char *secret, float x) {
    const char *odd = !is_odd                        ? NULL
                      : fault == FAULT_NAN           ? "NaN"
                      : fault == FAULT_NULL          ? "null"
                      : fault == FAULT_STRING        ? "\"0.5\""
                      : fault == FAULT_1E39          ? "1e39"
                      : fault == FAULT_TOKEN_VECTORS ? "[0.5, 0.25]"
                                                     : NULL;
    if (is_odd && fault == FAULT_ECHO_IN_JSON)
        senc_buffer_printf(out, "%s", secret);
    else if (odd)
        senc_buffer_append_text(out, odd);
    else
        data_json_append_number(out, (double)x);
}

static void put_vector(senc_buffer *out, const api_server *s, api_fault fault, bool is_last, const data_json *text,
                       int64_t width) {
    size_t n_bytes;
    const char *bytes = data_json_text(text, &n_bytes);
    if (is_last && fault == FAULT_WRONG_WIDTH) width--;
    senc_buffer_append_text(out, "[");
    for (int64_t k = 0; k < width; k++) {
        if (k > 0) senc_buffer_append_text(out, ", ");
        put_number(out, fault, is_last && k == width / 2, s->secret, api_server_value(bytes, (int64_t)n_bytes, k));
    }
    senc_buffer_append_text(out, "]");
}

/* How a protocol wraps the vectors. */
typedef struct api_form {
    const char *before, *before_each, *after_each, *after;
    bool has_index;
} api_form;

static api_form form_of(const char *path) {
    if (strstr(path, ":predict"))
        return (api_form){"{\"predictions\": [",
                          "{\"embeddings\": {\"statistics\": {\"token_count\": 3}, \"values\": ", "}}", "]}", false};
    if (strstr(path, "/v2/embed"))
        return (api_form){"{\"id\": \"1\", \"embeddings\": {\"float\": [", "", "",
                          "]}, \"meta\": {\"billed_units\": {\"input_tokens\": 7}}}", false};
    if (strstr(path, "/api/embed"))
        return (api_form){"{\"model\": \"m\", \"embeddings\": [", "", "", "], \"prompt_eval_count\": 5}", false};
    if (strstr(path, "/embeddings"))
        return (api_form){"{\"object\": \"list\", \"data\": [", "{\"object\": \"embedding\", \"embedding\": ", "}",
                          "], \"usage\": {\"prompt_tokens\": 11, \"total_tokens\": 11}}", true};
    return (api_form){"[", "", "", "]", false}; /* TEI, Hugging Face */
}

static const data_json *texts_of(const data_json *body) {
    static const char *const names[] = {"input", "inputs", "texts", "instances"};
    for (int i = 0; i < 4; i++) {
        const data_json *texts = data_json_find(body, names[i]);
        if (texts) return texts;
    }
    return NULL;
}

static int64_t width_of(const data_json *body) {
    static const char *const names[] = {"dimensions", "output_dimension", "outputDimensionality"};
    const data_json *parameters = data_json_find(body, "parameters");
    for (int i = 0; i < 3; i++) {
        const data_json *width = data_json_find(body, names[i]);
        if (!width) width = data_json_find(parameters, names[i]);
        if (width) return data_json_integer(width);
    }
    return API_WIDTH;
}

static int64_t index_of(api_fault fault, int64_t i, int64_t n) {
    return fault == FAULT_SHUFFLED ? n - 1 - i : fault == FAULT_SAME_INDEX ? 0 : fault == FAULT_FAR_INDEX ? i + 1 : i;
}

/* The answer to a good request; the number of vectors. */
static int64_t make_answer(const api_server *s, const api_request *request, api_fault fault, senc_buffer *out) {
    data_json *body = NULL;
    if (!data_json_parse(request->body, strlen(request->body), "request", &body, NULL)) return -1;
    const data_json *texts = texts_of(body);
    const api_form form = form_of(request->path);
    const int64_t n = data_json_count(texts), n_sent = fault == FAULT_WRONG_COUNT ? n - 1 : n;
    senc_buffer_append_text(out, form.before);
    for (int64_t i = 0; i < n_sent; i++) {
        const int64_t index = index_of(fault, i, n);
        const data_json *text = data_json_at(texts, fault == FAULT_SHUFFLED ? index : i);
        if (data_json_find(text, "content")) text = data_json_find(text, "content");
        senc_buffer_printf(out, "%s%s", i > 0 ? ", " : "", form.before_each);
        put_vector(out, s, fault, i == n_sent - 1, text, width_of(body));
        if (form.has_index) senc_buffer_printf(out, ", \"index\": %lld", (long long)index);
        senc_buffer_append_text(out, form.after_each);
    }
    senc_buffer_append_text(out, form.after);
    data_json_free(body);
    return n;
}

/* ---- sending ---- */

static void send_all(int socket, const char *bytes, size_t n_bytes) {
    while (n_bytes > 0) {
        const ssize_t n = send(socket, bytes, n_bytes, MSG_NOSIGNAL);
        if (n <= 0) return;
        bytes += n, n_bytes -= (size_t)n;
    }
}

static void answer(int socket, const char *status, const char *more, const char *body, size_t n_bytes, size_t n_told) {
    char head[512];
    const int n = snprintf(head, sizeof head,
                           "HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\nConnection: "
                           "close\r\n\r\n",
                           status, more, n_told);
    send_all(socket, head, (size_t)n);
    send_all(socket, body, n_bytes);
}

static void answer_text(int socket, const char *status, const char *more, const char *body) {
    answer(socket, status, more, body, strlen(body), strlen(body));
}

/* In the form of the protocol. */
static void refuse(int socket, const char *path, const char *status, const char *more, const char *code,
                   const char *message) {
    char body[1024];
    if (strstr(path, "/v2/embed"))
        snprintf(body, sizeof body, "{\"message\": \"%s\"}", message);
    else if (strstr(path, "/v1/embeddings") && strstr(path, "voyage"))
        snprintf(body, sizeof body, "{\"detail\": \"%s\"}", message);
    else if (strstr(path, ":predict") || strstr(path, "/embeddings"))
        snprintf(body, sizeof body, "{\"error\": {\"code\": \"%s\", \"message\": \"%s\"}}", code, message);
    else
        snprintf(body, sizeof body, "{\"error\": \"%s\", \"error_type\": \"Validation\"}", message);
    answer_text(socket, status, more, body);
}

static void send_endless(int socket) {
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n[[";
    char block[4096];
    for (size_t i = 0; i < sizeof block; i += 4) memcpy(block + i, "0.1,", 4);
    send_all(socket, head, sizeof head - 1);
    for (int i = 0; i < 100000; i++)
        if (send(socket, block, sizeof block, MSG_NOSIGNAL) <= 0) return;
}

/* Waits until the client has gone. */
static void hang(int socket) {
    char c;
    while (recv(socket, &c, 1, 0) > 0) {
    }
}

static bool refuse_by(const api_server *s, int socket, const char *path, api_fault fault) {
    char echo[128];
    snprintf(echo, sizeof echo, "the key %s is not known here", s->secret);
    switch (fault) {
    case FAULT_429_AFTER_1:
        refuse(socket, path, "429 Too Many Requests", "Retry-After: 1\r\n", "rate", "slow down");
        return true;
    case FAULT_429:
        refuse(socket, path, "429 Too Many Requests", "", "rate", "slow down");
        return true;
    case FAULT_429_AFTER_3600:
        refuse(socket, path, "429 Too Many Requests", "Retry-After: 3600\r\n", "rate", "come back later");
        return true;
    case FAULT_429_QUOTA:
        refuse(socket, path, "429 Too Many Requests", "", "insufficient_quota", "the account is empty");
        return true;
    case FAULT_400:
        refuse(socket, path, "400 Bad Request", "", "bad", "the text is too\\nlong");
        return true;
    case FAULT_401_ECHO:
        refuse(socket, path, "401 Unauthorized", "", "key", echo);
        return true;
    case FAULT_404:
        refuse(socket, path, "404 Not Found", "", "model", "no such model");
        return true;
    case FAULT_413:
        refuse(socket, path, "413 Payload Too Large", "", "size", "batch size 9 > 8");
        return true;
    case FAULT_500:
        refuse(socket, path, "500 Internal Server Error", "", "oops", "something broke");
        return true;
    case FAULT_502_HTML:
        answer_text(socket, "502 Bad Gateway", "", "<html>\n<h1>Bad   gateway</h1>\n</html>");
        return true;
    case FAULT_302:
        answer_text(socket, "302 Found", "Location: /elsewhere/v1/embeddings\r\n", "");
        return true;
    case FAULT_HTML:
        answer_text(socket, "200 OK", "", "<html>Welcome</html>");
        return true;
    case FAULT_EMPTY:
        answer_text(socket, "200 OK", "", "");
        return true;
    case FAULT_HANG:
        hang(socket);
        return true;
    case FAULT_ENDLESS:
        send_endless(socket);
        return true;
    case FAULT_CLOSE:
        return true;
    default:
        return false;
    }
}

static void answer_post(api_server *s, int socket, const api_request *request, api_fault fault) {
    if (refuse_by(s, socket, request->path, fault)) return;
    senc_buffer out = {0};
    const int64_t n = make_answer(s, request, fault, &out);
    if (n < 0) {
        answer_text(socket, "400 Bad Request", "", "{\"error\": \"the request is no JSON\"}");
        return;
    }
    if (fault == FAULT_TRUNCATED) out.n_bytes /= 2;
    pthread_mutex_lock(&s->lock);
    if (fault == FAULT_NONE || fault == FAULT_SHUFFLED) s->n_billed += n;
    pthread_mutex_unlock(&s->lock);
    answer(socket, "200 OK", "", out.data, fault == FAULT_SHORT ? out.n_bytes / 2 : out.n_bytes, out.n_bytes);
    senc_buffer_free(&out);
}

static void answer_get(const api_server *s, int socket, const api_request *request) {
    char body[512];
    const bool tags = strstr(request->path, "/api/tags");
    if (!s->has_identity) {
        answer_text(socket, "404 Not Found", "", "{\"error\": \"not here\"}");
        return;
    }
    if (tags)
        snprintf(body, sizeof body, "{\"models\": [{\"name\": \"%s\", \"digest\": \"%s\"}]}", s->model, s->digest);
    else
        snprintf(body, sizeof body, "{\"model_id\": \"%s\", \"model_sha\": \"%s\", \"max_client_batch_size\": %d}",
                 s->model, s->digest, s->most_texts);
    answer_text(socket, "200 OK", "", body);
}

/* ---- requests ---- */

static const char *find_header(const char *head, const char *name) {
    const size_t n = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, n) == 0 && line[n] == ':') return line + n + 1 + strspn(line + n + 1, " ");
    }
    return NULL;
}

const char *api_request_header(const api_request *r, const char *name) {
    static char value[512];
    const char *found = find_header(r->head, name);
    if (!found) return NULL;
    snprintf(value, sizeof value, "%.*s", (int)strcspn(found, "\r"), found);
    return value;
}

static bool read_request(int socket, api_request *request) {
    senc_buffer in = {0};
    char block[65536];
    size_t need = 0;
    char *end = NULL;
    while (!end || in.n_bytes < need) {
        const ssize_t n = recv(socket, block, sizeof block, 0);
        if (n <= 0) break;
        senc_buffer_append(&in, block, (size_t)n);
        end = strstr(in.data, "\r\n\r\n");
        if (!end) continue;
        const char *length = find_header(in.data, "Content-Length");
        need = (size_t)(end - in.data) + 4 + (length ? (size_t)strtoll(length, NULL, 10) : 0);
    }
    const bool ok = end && in.n_bytes >= need;
    if (ok) {
        const size_t n_method = strcspn(in.data, " "), n_path = strcspn(in.data + n_method + 1, " ");
        snprintf(request->method, sizeof request->method, "%.*s", (int)n_method, in.data);
        snprintf(request->path, sizeof request->path, "%.*s", (int)n_path, in.data + n_method + 1);
        request->body = strdup(end + 4);
        end[2] = '\0';
        request->head = strdup(in.data);
        request->at_ms = senc_clock_ms();
    }
    senc_buffer_free(&in);
    return ok;
}

/* Keeps the request, which then belongs to the server, and says what it gets. */
static api_fault note_post(api_server *s, const api_request *request) {
    pthread_mutex_lock(&s->lock);
    const api_fault fault = s->next < s->n_script ? s->script[s->next++] : s->always;
    if (s->n_posts == API_MOST_REQUESTS) abort();
    s->posts[s->n_posts++] = *request;
    if (++s->n_under_way > s->most_at_once) s->most_at_once = s->n_under_way;
    pthread_mutex_unlock(&s->lock);
    return fault;
}

static void *serve(void *context) {
    api_connection connection = *(api_connection *)context;
    api_server *s = connection.server;
    free(context);
    api_request request = {0};
    if (read_request(connection.socket, &request)) {
        if (strcmp(request.method, "POST") == 0) {
            const api_fault fault = note_post(s, &request);
            if (fault != FAULT_HANG) usleep(2000); /* so that requests overlap */
            pthread_mutex_lock(&s->lock);
            s->n_under_way--; /* before the client can know that it is over */
            pthread_mutex_unlock(&s->lock);
            answer_post(s, connection.socket, &request, fault);
        } else {
            answer_get(s, connection.socket, &request);
            free(request.head);
            free(request.body);
        }
    }
    shutdown(connection.socket, SHUT_WR);
    close(connection.socket);
    pthread_mutex_lock(&s->lock);
    s->n_open--;
    pthread_cond_signal(&s->idle);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void *listen_on(void *context) {
    api_server *s = context;
    for (;;) {
        const int socket = accept(s->socket, NULL, NULL);
        if (socket < 0 || s->stopping) {
            if (socket >= 0) close(socket);
            return NULL;
        }
        api_connection *connection = malloc(sizeof *connection);
        *connection = (api_connection){s, socket};
        pthread_mutex_lock(&s->lock);
        s->n_open++;
        pthread_mutex_unlock(&s->lock);
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, connection) != 0) abort();
        pthread_detach(thread);
    }
}

api_server *api_server_start(void) {
    api_server *s = calloc(1, sizeof *s);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    s->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (s->socket < 0 || bind(s->socket, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(s->socket, 64) != 0 || getsockname(s->socket, (struct sockaddr *)&address, &n) != 0)
        abort();
    s->port = ntohs(address.sin_port);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->idle, NULL);
    if (pthread_create(&s->thread, NULL, listen_on, s) != 0) abort();
    return s;
}

void api_server_stop(api_server *s) {
    s->stopping = true;
    shutdown(s->socket, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->socket);
    pthread_mutex_lock(&s->lock);
    while (s->n_open > 0) pthread_cond_wait(&s->idle, &s->lock);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < s->n_posts; i++) {
        free(s->posts[i].head);
        free(s->posts[i].body);
    }
    free(s);
}

int api_server_port(const api_server *s) {
    return s->port;
}

void api_server_script(api_server *s, const api_fault *faults, int n, api_fault always) {
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < n; i++) s->script[i] = faults[i];
    s->n_script = n;
    s->next = 0;
    s->always = always;
    pthread_mutex_unlock(&s->lock);
}

void api_server_set_secret(api_server *s, const char *secret) {
    snprintf(s->secret, sizeof s->secret, "%s", secret);
}

void api_server_set_identity(api_server *s, const char *model, const char *digest, int most_texts) {
    s->has_identity = model != NULL;
    snprintf(s->model, sizeof s->model, "%s", model ? model : "");
    snprintf(s->digest, sizeof s->digest, "%s", digest ? digest : "");
    s->most_texts = most_texts;
}

static int64_t read_locked(api_server *s, const int *i, const int64_t *l) {
    pthread_mutex_lock(&s->lock);
    const int64_t value = i ? *i : *l;
    pthread_mutex_unlock(&s->lock);
    return value;
}

int api_server_n_posts(api_server *s) {
    return (int)read_locked(s, &s->n_posts, NULL);
}

int64_t api_server_n_billed(api_server *s) {
    return read_locked(s, NULL, &s->n_billed);
}

int api_server_most_at_once(api_server *s) {
    return (int)read_locked(s, &s->most_at_once, NULL);
}

const api_request *api_server_post(api_server *s, int i) {
    return i < api_server_n_posts(s) ? &s->posts[i] : NULL;
}
