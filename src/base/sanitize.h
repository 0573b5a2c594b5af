/* sanitize.h -- is this a build with AddressSanitizer?  Its run time maps terabytes, asks
 * for system calls that a filter refuses, and knows no stack but a thread's own. */
#ifndef SL_BASE_SANITIZE_H
#define SL_BASE_SANITIZE_H

/* gcc defines a macro, clang has a feature test. */
#if defined(__SANITIZE_ADDRESS__)
#define SL_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SL_IS_SANITIZED 1
#endif
#endif
#if !defined(SL_IS_SANITIZED)
#define SL_IS_SANITIZED 0
#endif

#endif
