#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "posix/system.h"

#define USUAL_WIDTH 80

int brood_os_terminal_width(FILE *file)
{
    struct winsize size;
    int fd = fileno(file);

    if (fd < 0 || !isatty(fd)) {
        return 0;
    }
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : USUAL_WIDTH;
}
