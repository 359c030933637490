/* The versions of what ssmq stands on: from headers, when it was compiled, and from the libraries,
 * now.  The two differ when a system was updated since. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <cblas.h>
#include <gnu/libc-version.h>
#include <hdf5.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <pcre2.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>
#include "harness/store/host.h"

/* The first word of text that begins with a digit: "OpenBLAS 0.3.21 DYNAMIC_ARCH" has 0.3.21. */
static void copy_version(char out[32], const char *text)
{
    const char *at = text;
    while (*at && !(*at >= '0' && *at <= '9' && (at == text || at[-1] == ' '))) at++;
    snprintf(out, 32, "%.*s", (int)strcspn(at, " "), at);
}

static ssmq_library library(const char *name, const char *header, const char *runtime)
{
    ssmq_library l = {.name = name};
    copy_version(l.header, header);
    copy_version(l.runtime, runtime);
    return l;
}

static ssmq_library hdf5(void)
{
    unsigned major = 0, minor = 0, release = 0;
    char     header[32], runtime[32];
    snprintf(header, sizeof header, "%d.%d.%d", H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
    (void)H5get_libversion(&major, &minor, &release);
    snprintf(runtime, sizeof runtime, "%u.%u.%u", major, minor, release);
    return library("HDF5", header, runtime);
}

/* Its results depend on the kernels that it chooses for the processor. */
static ssmq_library openblas(void)
{
    const char  *config = openblas_get_config();
    ssmq_library l = library("OpenBLAS", OPENBLAS_VERSION, config);
    const int    parallel = openblas_get_parallel();
    snprintf(l.detail, sizeof l.detail, "%s; core %s; %s", config, openblas_get_corename(),
             parallel == OPENBLAS_OPENMP   ? "OpenMP"
             : parallel == OPENBLAS_THREAD ? "threads"
                                           : "sequential");
    return l;
}

static ssmq_library pcre2(void)
{
    char header[32], runtime[64] = "";
    snprintf(header, sizeof header, "%d.%d", PCRE2_MAJOR, PCRE2_MINOR);
    (void)pcre2_config(PCRE2_CONFIG_VERSION, runtime); /* "10.42 2022-12-11" */
    return library("PCRE2", header, runtime);
}

static ssmq_library utf8proc(void)
{
    char header[32];
    snprintf(header, sizeof header, "%d.%d.%d", UTF8PROC_VERSION_MAJOR, UTF8PROC_VERSION_MINOR,
             UTF8PROC_VERSION_PATCH);
    return library("utf8proc", header, utf8proc_version());
}

static ssmq_library glibc(void)
{
    char header[32];
    snprintf(header, sizeof header, "%d.%d", __GLIBC__, __GLIBC_MINOR__);
    return library("glibc", header, gnu_get_libc_version()); /* exp() and the like */
}

int32_t ssmq_libraries_list(ssmq_library out[SSMQ_LIBRARY_MAX])
{
    int32_t n = 0;
    out[n++] = hdf5();
    out[n++] = openblas();
    out[n++] = library("libyaml", "", yaml_get_version_string());
    out[n++] = library("jansson", JANSSON_VERSION, jansson_version_str());
    out[n++] = pcre2();
    out[n++] = utf8proc();
    out[n++] = library("zstd", ZSTD_VERSION_STRING, ZSTD_versionString());
    out[n++] = library("zlib", ZLIB_VERSION, zlibVersion());
    out[n++] = library("OpenSSL", OPENSSL_VERSION_TEXT, OpenSSL_version(OPENSSL_VERSION));
    out[n++] = glibc();
    return n;
}
