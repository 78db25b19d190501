/* Runs a shell command beside a server of tests/remote/api_server.h:
 *
 *     serve_api FAULTS COMMAND        FAULTS: what the first requests get, "429_after_1,ok"; "500*": from there on
 * always
 *
 * $PORT is the server's port, API_KEY the key that its refusals repeat. Then a line of what the server saw goes to
 * standard error; the exit code is the command's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "../remote/api_server.h"

static const struct {
    const char *name;
    api_fault fault;
} faults[] = {
    {"ok", FAULT_NONE},           {"429_after_1", FAULT_429_AFTER_1}, {"429", FAULT_429}, {"500", FAULT_500},
    {"hang", FAULT_HANG},         {"truncated", FAULT_TRUNCATED},     {"nan", FAULT_NAN}, {"401", FAULT_401_ECHO},
    {"width", FAULT_WRONG_WIDTH},
};

static api_fault fault_of(const char *name, size_t n_bytes) {
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (strlen(faults[i].name) == n_bytes && memcmp(faults[i].name, name, n_bytes) == 0) return faults[i].fault;
    fprintf(stderr, "serve_api: no fault \"%.*s\"\n", (int)n_bytes, name);
    exit(1);
}

static void read_script(api_server *server, const char *text) {
    api_fault script[16];
    int n = 0;
    for (const char *at = text; n < 16; at++) {
        const size_t n_name = strcspn(at, ",*");
        script[n++] = fault_of(at, n_name);
        at += n_name;
        if (*at != ',') {
            api_server_script(server, script, n, *at == '*' ? script[n - 1] : FAULT_NONE);
            return;
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: serve_api FAULTS COMMAND\n");
        return 1;
    }
    static const char key[] = "sk-test-0123456789abcdefSECRET";
    api_server *server = api_server_start();
    char port[16];
    snprintf(port, sizeof port, "%d", api_server_port(server));
    setenv("PORT", port, 1);
    setenv("API_KEY", key, 1);
    api_server_set_secret(server, key);
    read_script(server, argv[1]);
    const int status = system(argv[2]);
    int n_with_key = 0;
    const int n_posts = api_server_n_posts(server);
    for (int i = 0; i < n_posts; i++) {
        const char *given = api_request_header(api_server_post(server, i), "Authorization");
        n_with_key += given && strstr(given, key);
    }
    fprintf(stderr, "server: %d requests, %d with the key, %lld texts billed\n", n_posts, n_with_key,
            (long long)api_server_n_billed(server));
    api_server_stop(server);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
