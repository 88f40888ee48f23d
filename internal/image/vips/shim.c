//go:build cgo

#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

// libvips' operations take a NULL-terminated list of optional arguments, so they are
// declared variadic here exactly as in vips/*.h. The numbers that stand for its
// enumerations are part of its stable ABI (libvips.so.42, since 8.0).
typedef struct _VipsArrayDouble VipsArrayDouble;

#define VIPS_FUNCTIONS(F)                                                                       \
	F(int, vips_init, (const char *))                                                           \
	F(const char *, vips_version_string, (void))                                                \
	F(size_t, vips_type_find, (const char *, const char *))                                     \
	F(void, vips_cache_set_max, (int))                                                          \
	F(void, vips_concurrency_set, (int))                                                        \
	F(void, vips_block_untrusted_set, (int))                                                    \
	F(void, vips_operation_block_set, (const char *, int))                                      \
	F(const char *, vips_error_buffer, (void))                                                  \
	F(void, vips_error_clear, (void))                                                           \
	F(void, g_object_unref, (void *))                                                           \
	F(void, g_free, (void *))                                                                   \
	F(void, g_strfreev, (char **))                                                              \
	F(int, vips_image_get_width, (VipsImage *))                                                 \
	F(int, vips_image_get_height, (VipsImage *))                                                \
	F(int, vips_image_get_bands, (VipsImage *))                                                 \
	F(int, vips_image_get_interpretation, (VipsImage *))                                        \
	F(int, vips_image_get_format, (VipsImage *))                                                \
	F(int, vips_image_get_orientation, (VipsImage *))                                           \
	F(int, vips_image_hasalpha, (VipsImage *))                                                  \
	F(size_t, vips_image_get_typeof, (VipsImage *, const char *))                               \
	F(int, vips_image_get_int, (VipsImage *, const char *, int *))                              \
	F(void, vips_image_set_int, (VipsImage *, const char *, int))                               \
	F(int, vips_image_remove, (VipsImage *, const char *))                                      \
	F(char **, vips_image_get_fields, (VipsImage *))                                            \
	F(int, vips_image_get_blob, (VipsImage *, const char *, const void **, size_t *))           \
	F(VipsImage *, vips_image_copy_memory, (VipsImage *))                                       \
	F(void *, vips_image_write_to_memory, (VipsImage *, size_t *))                              \
	F(VipsImage *, vips_image_new_from_memory_copy, (const void *, size_t, int, int, int, int)) \
	F(VipsImage *, vips_image_new_matrix_from_array, (int, int, const double *, int))           \
	F(VipsArrayDouble *, vips_array_double_new, (const double *, int))                          \
	F(void, vips_area_unref, (void *))                                                          \
	F(int, vips_jpegload_buffer, (void *, size_t, VipsImage **, ...))                           \
	F(int, vips_pngload_buffer, (void *, size_t, VipsImage **, ...))                            \
	F(int, vips_gifload_buffer, (void *, size_t, VipsImage **, ...))                            \
	F(int, vips_webpload_buffer, (void *, size_t, VipsImage **, ...))                           \
	F(int, vips_tiffload_buffer, (void *, size_t, VipsImage **, ...))                           \
	F(int, vips_heifload_buffer, (void *, size_t, VipsImage **, ...))                           \
	F(int, vips_jpegsave_buffer, (VipsImage *, void **, size_t *, ...))                         \
	F(int, vips_pngsave_buffer, (VipsImage *, void **, size_t *, ...))                          \
	F(int, vips_gifsave_buffer, (VipsImage *, void **, size_t *, ...))                          \
	F(int, vips_webpsave_buffer, (VipsImage *, void **, size_t *, ...))                         \
	F(int, vips_tiffsave_buffer, (VipsImage *, void **, size_t *, ...))                         \
	F(int, vips_heifsave_buffer, (VipsImage *, void **, size_t *, ...))                         \
	F(int, vips_copy, (VipsImage *, VipsImage **, ...))                                         \
	F(int, vips_resize, (VipsImage *, VipsImage **, double, ...))                               \
	F(int, vips_colourspace, (VipsImage *, VipsImage **, int, ...))                             \
	F(int, vips_icc_transform, (VipsImage *, VipsImage **, const char *, ...))                  \
	F(int, vips_premultiply, (VipsImage *, VipsImage **, ...))                                  \
	F(int, vips_unpremultiply, (VipsImage *, VipsImage **, ...))                                \
	F(int, vips_cast, (VipsImage *, VipsImage **, int, ...))                                    \
	F(int, vips_extract_area, (VipsImage *, VipsImage **, int, int, int, int, ...))             \
	F(int, vips_embed, (VipsImage *, VipsImage **, int, int, int, int, ...))                    \
	F(int, vips_flatten, (VipsImage *, VipsImage **, ...))                                      \
	F(int, vips_rot, (VipsImage *, VipsImage **, int, ...))                                     \
	F(int, vips_rotate, (VipsImage *, VipsImage **, double, ...))                               \
	F(int, vips_flip, (VipsImage *, VipsImage **, int, ...))                                    \
	F(int, vips_autorot, (VipsImage *, VipsImage **, ...))                                      \
	F(int, vips_arrayjoin, (VipsImage **, VipsImage **, int, ...))                              \
	F(int, vips_bandjoin2, (VipsImage *, VipsImage *, VipsImage **, ...))                       \
	F(int, vips_addalpha, (VipsImage *, VipsImage **, ...))                                     \
	F(int, vips_extract_band, (VipsImage *, VipsImage **, int, ...))                            \
	F(int, vips_multiply, (VipsImage *, VipsImage *, VipsImage **, ...))                        \
	F(int, vips_linear, (VipsImage *, VipsImage **, const double *, const double *, int, ...))  \
	F(int, vips_convsep, (VipsImage *, VipsImage **, VipsImage *, ...))                         \
	F(int, vips_sharpen, (VipsImage *, VipsImage **, ...))                                      \
	F(int, vips_avg, (VipsImage *, double *, ...))

static struct {
#define DECLARE(result, name, args) result(*name) args;
	VIPS_FUNCTIONS(DECLARE)
#undef DECLARE
} v;

enum {
	ACCESS_RANDOM = 0,
	ACCESS_SEQUENTIAL = 1,
	FAIL_ON_TRUNCATED = 1,
	FORMAT_UCHAR = 0,
	EXTEND_BACKGROUND = 5,
	COMPRESSION_HEVC = 1,
	COMPRESSION_AV1 = 4,
	TIFF_LZW = 5,
};

int alc_open(const char *library, char *err, size_t errlen) {
	void *h = dlopen(library, RTLD_NOW | RTLD_GLOBAL);
	if (h == NULL) {
		snprintf(err, errlen, "%s", dlerror());
		return -1;
	}
#define RESOLVE(result, name, args)                                                \
	*(void **)&v.name = dlsym(h, #name);                                           \
	if (v.name == NULL) {                                                          \
		snprintf(err, errlen, "%s lacks %s (older than libvips 8.13?)", library, #name); \
		return -1;                                                                 \
	}
	VIPS_FUNCTIONS(RESOLVE)
#undef RESOLVE
	if (v.vips_init("alcedo") != 0) {
		snprintf(err, errlen, "vips_init: %s", v.vips_error_buffer());
		return -1;
	}
	v.vips_cache_set_max(0);
	v.vips_concurrency_set(1);
	// Belt and braces: the loaders that libvips itself mistrusts are off, and of the
	// rest only those of the formats we serve are on.
	v.vips_operation_block_set("VipsForeignLoad", 1);
	v.vips_operation_block_set("VipsForeignLoadJpeg", 0);
	v.vips_operation_block_set("VipsForeignLoadPng", 0);
	v.vips_operation_block_set("VipsForeignLoadNsgif", 0);
	v.vips_operation_block_set("VipsForeignLoadWebp", 0);
	v.vips_operation_block_set("VipsForeignLoadTiff", 0);
	v.vips_operation_block_set("VipsForeignLoadHeif", 0);
	v.vips_block_untrusted_set(1);
	return 0;
}

const char *alc_version(void) { return v.vips_version_string(); }
int alc_has(const char *operation) { return v.vips_type_find("VipsOperation", operation) != 0; }

void alc_error(char *buf, size_t len) {
	snprintf(buf, len, "%s", v.vips_error_buffer());
	v.vips_error_clear();
}

int alc_load(int format, const void *buf, size_t len, int shrink, double scale, int frames, int sequential, VipsImage **out) {
	void *b = (void *)buf;
	int access = sequential ? ACCESS_SEQUENTIAL : ACCESS_RANDOM;
	switch (format) {
	case ALC_JPG:
		return v.vips_jpegload_buffer(b, len, out, "shrink", shrink, "access", access, "fail_on", FAIL_ON_TRUNCATED, NULL);
	case ALC_PNG:
		return v.vips_pngload_buffer(b, len, out, "access", access, "fail_on", FAIL_ON_TRUNCATED, NULL);
	case ALC_GIF:
		return v.vips_gifload_buffer(b, len, out, "n", frames, "access", access, "fail_on", FAIL_ON_TRUNCATED, NULL);
	case ALC_WEBP:
		return v.vips_webpload_buffer(b, len, out, "n", frames, "scale", scale, "access", access, "fail_on", FAIL_ON_TRUNCATED, NULL);
	case ALC_TIFF:
		return v.vips_tiffload_buffer(b, len, out, "access", access, "fail_on", FAIL_ON_TRUNCATED, NULL);
	case ALC_HEIC:
	case ALC_AVIF:
		return v.vips_heifload_buffer(b, len, out, "access", access, "fail_on", FAIL_ON_TRUNCATED, NULL);
	}
	return -1;
}

VipsImage *alc_from_pixels(const void *data, size_t size, int width, int height, int bands) {
	return v.vips_image_new_from_memory_copy(data, size, width, height, bands, FORMAT_UCHAR);
}
void alc_unref(VipsImage *image) { v.g_object_unref(image); }
void alc_free(void *p) { v.g_free(p); }

int alc_width(VipsImage *i) { return v.vips_image_get_width(i); }
int alc_height(VipsImage *i) { return v.vips_image_get_height(i); }
int alc_bands(VipsImage *i) { return v.vips_image_get_bands(i); }
int alc_interpretation(VipsImage *i) { return v.vips_image_get_interpretation(i); }
int alc_band_format(VipsImage *i) { return v.vips_image_get_format(i); }
int alc_has_alpha(VipsImage *i) { return v.vips_image_hasalpha(i); }
int alc_orientation(VipsImage *i) { return v.vips_image_get_orientation(i); }
int alc_has_field(VipsImage *i, const char *name) { return v.vips_image_get_typeof(i, name) != 0; }
int alc_get_int(VipsImage *i, const char *name, int *out) {
	// Asked for first, because a missing field would leave a text in the error buffer.
	return alc_has_field(i, name) ? v.vips_image_get_int(i, name, out) : -1;
}
void alc_set_int(VipsImage *i, const char *name, int value) { v.vips_image_set_int(i, name, value); }
int alc_remove(VipsImage *i, const char *name) { return v.vips_image_remove(i, name); }
char **alc_fields(VipsImage *i) { return v.vips_image_get_fields(i); }
void alc_free_fields(char **f) { v.g_strfreev(f); }
const void *alc_blob(VipsImage *i, const char *name, size_t *len) {
	const void *p = NULL;
	return alc_has_field(i, name) && v.vips_image_get_blob(i, name, &p, len) == 0 ? p : NULL;
}

VipsImage *alc_to_memory(VipsImage *in) { return v.vips_image_copy_memory(in); }
void *alc_pixels(VipsImage *in, size_t *len) { return v.vips_image_write_to_memory(in, len); }
int alc_copy(VipsImage *in, VipsImage **out) { return v.vips_copy(in, out, NULL); }
int alc_retag(VipsImage *in, VipsImage **out, int space) { return v.vips_copy(in, out, "interpretation", space, NULL); }
int alc_resize(VipsImage *in, VipsImage **out, double h, double vscale) { return v.vips_resize(in, out, h, "vscale", vscale, NULL); }
int alc_colourspace(VipsImage *in, VipsImage **out, int space) { return v.vips_colourspace(in, out, space, NULL); }
int alc_icc_to_srgb(VipsImage *in, VipsImage **out) { return v.vips_icc_transform(in, out, "srgb", "embedded", 1, NULL); }
int alc_premultiply(VipsImage *in, VipsImage **out) { return v.vips_premultiply(in, out, NULL); }
int alc_unpremultiply(VipsImage *in, VipsImage **out) { return v.vips_unpremultiply(in, out, NULL); }
int alc_cast_uchar(VipsImage *in, VipsImage **out) { return v.vips_cast(in, out, FORMAT_UCHAR, NULL); }
int alc_extract_area(VipsImage *in, VipsImage **out, int x, int y, int w, int h) { return v.vips_extract_area(in, out, x, y, w, h, NULL); }

int alc_embed(VipsImage *in, VipsImage **out, int x, int y, int w, int h, const double *background, int n) {
	VipsArrayDouble *b = v.vips_array_double_new(background, n);
	int r = v.vips_embed(in, out, x, y, w, h, "extend", EXTEND_BACKGROUND, "background", b, NULL);
	v.vips_area_unref(b);
	return r;
}

int alc_flatten(VipsImage *in, VipsImage **out, const double *background, int n) {
	VipsArrayDouble *b = v.vips_array_double_new(background, n);
	int r = v.vips_flatten(in, out, "background", b, NULL);
	v.vips_area_unref(b);
	return r;
}

int alc_rot(VipsImage *in, VipsImage **out, int quarter_turns) { return v.vips_rot(in, out, quarter_turns, NULL); }

int alc_rotate(VipsImage *in, VipsImage **out, double degrees, const double *background, int n) {
	VipsArrayDouble *b = v.vips_array_double_new(background, n);
	int r = v.vips_rotate(in, out, degrees, "background", b, NULL);
	v.vips_area_unref(b);
	return r;
}

int alc_flip(VipsImage *in, VipsImage **out, int vertical) { return v.vips_flip(in, out, vertical ? 1 : 0, NULL); }
int alc_autorot(VipsImage *in, VipsImage **out) { return v.vips_autorot(in, out, NULL); }
int alc_join_down(VipsImage **in, VipsImage **out, int n) { return v.vips_arrayjoin(in, out, n, "across", 1, NULL); }
int alc_bandjoin(VipsImage *a, VipsImage *b, VipsImage **out) { return v.vips_bandjoin2(a, b, out, NULL); }
int alc_add_alpha(VipsImage *in, VipsImage **out) { return v.vips_addalpha(in, out, NULL); }
int alc_extract_band(VipsImage *in, VipsImage **out, int band, int n) { return v.vips_extract_band(in, out, band, "n", n, NULL); }
int alc_multiply(VipsImage *a, VipsImage *b, VipsImage **out) { return v.vips_multiply(a, b, out, NULL); }
int alc_linear(VipsImage *in, VipsImage **out, const double *a, const double *b, int n) { return v.vips_linear(in, out, a, b, n, NULL); }

int alc_blur(VipsImage *in, VipsImage **out, const double *kernel, int n) {
	VipsImage *m = v.vips_image_new_matrix_from_array(n, 1, kernel, n);
	if (m == NULL) {
		return -1;
	}
	int r = v.vips_convsep(in, out, m, NULL);
	v.g_object_unref(m);
	return r;
}

int alc_sharpen(VipsImage *in, VipsImage **out, double m2) { return v.vips_sharpen(in, out, "sigma", 1.0, "m2", m2, NULL); }
int alc_avg(VipsImage *in, double *out) { return v.vips_avg(in, out, NULL); }

int alc_save(VipsImage *in, int format, int quality, int interlace, int strip, void **buf, size_t *len) {
	switch (format) {
	case ALC_JPG:
		return v.vips_jpegsave_buffer(in, buf, len, "Q", quality, "interlace", interlace, "strip", strip, NULL);
	case ALC_PNG:
		return v.vips_pngsave_buffer(in, buf, len, "strip", strip, NULL);
	case ALC_GIF:
		return v.vips_gifsave_buffer(in, buf, len, "strip", strip, NULL);
	case ALC_WEBP:
		return v.vips_webpsave_buffer(in, buf, len, "Q", quality, "strip", strip, NULL);
	case ALC_TIFF:
		return v.vips_tiffsave_buffer(in, buf, len, "compression", TIFF_LZW, "strip", strip, NULL);
	case ALC_HEIC:
		return v.vips_heifsave_buffer(in, buf, len, "Q", quality, "compression", COMPRESSION_HEVC, "effort", 2, "strip", strip, NULL);
	case ALC_AVIF:
		return v.vips_heifsave_buffer(in, buf, len, "Q", quality, "compression", COMPRESSION_AV1, "effort", 2, "strip", strip, NULL);
	}
	return -1;
}
