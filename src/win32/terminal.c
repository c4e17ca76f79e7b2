#include "win32/system.h"

#include <io.h>

/* A program without a console may have no descriptor, for which the C runtime has a number, too. */
int brood_os_terminal_width(FILE *file)
{
    CONSOLE_SCREEN_BUFFER_INFO about;
    int fd = _fileno(file);

    if (fd < 0 || !GetConsoleScreenBufferInfo((HANDLE)_get_osfhandle(fd), &about)) {
        return 0;
    }
    return about.srWindow.Right - about.srWindow.Left + 1;
}
