// A thin layer over libvips, reached through dlopen. Only opaque pointers and plain
// numbers cross it, so that building needs neither libvips nor its headers.
#ifndef ALCEDO_VIPS_SHIM_H
#define ALCEDO_VIPS_SHIM_H

#include <stddef.h>

typedef struct _VipsImage VipsImage;

// Every int result is 0 for success; after a failure alc_error has the text.

// alc_open loads the library and initialises it. On failure it writes a text to err.
int alc_open(const char *library, char *err, size_t errlen);
const char *alc_version(void);
int alc_has(const char *operation);
// alc_error copies the pending error text to buf and clears it.
void alc_error(char *buf, size_t len);

enum { ALC_JPG = 1, ALC_PNG, ALC_GIF, ALC_WEBP, ALC_TIFF, ALC_HEIC, ALC_AVIF };

// alc_load opens an image held in memory, which must outlive it. It reads the header
// only. shrink applies to JPEG (1, 2, 4, 8), scale to WebP (0 < scale <= 1), frames to
// GIF and WebP (-1 is all of them).
int alc_load(int format, const void *buf, size_t len, int shrink, double scale, int frames, int sequential, VipsImage **out);
VipsImage *alc_from_pixels(const void *data, size_t size, int width, int height, int bands);
void alc_unref(VipsImage *image);
void alc_free(void *p);

int alc_width(VipsImage *);
int alc_height(VipsImage *);
int alc_bands(VipsImage *);
int alc_interpretation(VipsImage *);
int alc_band_format(VipsImage *);
int alc_has_alpha(VipsImage *);
int alc_orientation(VipsImage *);
int alc_has_field(VipsImage *, const char *name);
int alc_get_int(VipsImage *, const char *name, int *out);
void alc_set_int(VipsImage *, const char *name, int value);
int alc_remove(VipsImage *, const char *name);
// alc_fields returns a NULL-terminated array to be freed with alc_free_fields.
char **alc_fields(VipsImage *);
void alc_free_fields(char **);
// alc_blob returns bytes owned by the image, or NULL.
const void *alc_blob(VipsImage *, const char *name, size_t *len);

VipsImage *alc_to_memory(VipsImage *in);
// alc_pixels returns all pixels, to be freed with alc_free.
void *alc_pixels(VipsImage *in, size_t *len);
int alc_copy(VipsImage *in, VipsImage **out);
// alc_retag changes what the numbers are taken for, not the numbers.
int alc_retag(VipsImage *in, VipsImage **out, int space);
int alc_resize(VipsImage *in, VipsImage **out, double h, double v);
int alc_colourspace(VipsImage *in, VipsImage **out, int space);
int alc_icc_to_srgb(VipsImage *in, VipsImage **out);
int alc_premultiply(VipsImage *in, VipsImage **out);
int alc_unpremultiply(VipsImage *in, VipsImage **out);
int alc_cast_uchar(VipsImage *in, VipsImage **out);
int alc_extract_area(VipsImage *in, VipsImage **out, int x, int y, int w, int h);
int alc_embed(VipsImage *in, VipsImage **out, int x, int y, int w, int h, const double *background, int n);
int alc_flatten(VipsImage *in, VipsImage **out, const double *background, int n);
int alc_rot(VipsImage *in, VipsImage **out, int quarter_turns);
int alc_rotate(VipsImage *in, VipsImage **out, double degrees, const double *background, int n);
int alc_flip(VipsImage *in, VipsImage **out, int vertical);
int alc_autorot(VipsImage *in, VipsImage **out);
int alc_join_down(VipsImage **in, VipsImage **out, int n);
int alc_bandjoin(VipsImage *a, VipsImage *b, VipsImage **out);
int alc_add_alpha(VipsImage *in, VipsImage **out);
int alc_extract_band(VipsImage *in, VipsImage **out, int band, int n);
int alc_multiply(VipsImage *a, VipsImage *b, VipsImage **out);
int alc_linear(VipsImage *in, VipsImage **out, const double *a, const double *b, int n);
int alc_blur(VipsImage *in, VipsImage **out, const double *kernel, int n);
int alc_sharpen(VipsImage *in, VipsImage **out, double m2);
int alc_avg(VipsImage *in, double *out);

// alc_save encodes into a new buffer, to be freed with alc_free.
int alc_save(VipsImage *in, int format, int quality, int interlace, int strip, void **buf, size_t *len);

#endif
