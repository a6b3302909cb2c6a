/* The version of libae, stated once: meson, the library and the file all read it here. */
#ifndef AE_VERSION_H
#define AE_VERSION_H

#define AE_VERSION_MAJOR 0
#define AE_VERSION_MINOR 1
#define AE_VERSION_PATCH 0

#endif
