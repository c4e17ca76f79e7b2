/* The Mandelbrot set: workers compute rows of a picture that lies in memory they all share. */
#include <stdio.h>

#include <brood/brood.h>

typedef struct picture {
    int width, height;
    int steps;     /* what does not escape in so many is in the set */
    double aspect; /* how much higher than wide a point is */
} picture;

static int steps_until_escape(double x, double y, int most)
{
    double re = 0;
    double im = 0;
    int steps = 0;

    while (steps < most && re * re + im * im <= 4) {
        double next = re * re - im * im + x;

        im = 2 * re * im + y;
        re = next;
        steps++;
    }
    return steps;
}

/* Runs in a worker, for the rows from begin up to end. */
static int draw_rows(brood_task *task, uint64_t begin, uint64_t end, const void *context,
                     size_t size)
{
    const picture *of = context;
    unsigned char *points = brood_task_shared(task, 0, NULL);
    double scale = 3.0 / of->width;

    (void)size;
    for (int row = (int)begin; row < (int)end; row++) {
        for (int column = 0; column < of->width; column++) {
            int steps = steps_until_escape(
                column * scale - 2.2, (row - of->height * 0.5) * scale * of->aspect, of->steps);

            points[row * of->width + column] = (unsigned char)(255 - steps * 255 / of->steps);
        }
    }
    return 0;
}

static brood_status draw(const picture *of, brood_shared *points)
{
    brood_shared *const shared[] = {points};
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_pool *pool = NULL;
    brood_status status = brood_pool_create(&pool, NULL);

    options.shared = shared;
    options.shared_count = 1;
    if (status == BROOD_OK) {
        status = brood_pool_for(pool, draw_rows, 0, (uint64_t)of->height, of, sizeof *of, &options);
    }
    brood_pool_destroy(pool);
    return status;
}

static int print(const picture *of, const unsigned char *points)
{
    for (int i = 0; i < of->width * of->height; i++) {
        putchar("@%#*+=-:. "[points[i] * 9 / 255]);
        if ((i + 1) % of->width == 0) {
            putchar('\n');
        }
    }
    return 0;
}

static int write_pgm(const picture *of, const unsigned char *points, const char *path)
{
    size_t size = (size_t)of->width * (size_t)of->height;
    FILE *file = fopen(path, "wb");
    bool written = file != NULL && fprintf(file, "P5 %d %d 255\n", of->width, of->height) > 0 &&
                   fwrite(points, 1, size, file) == size;

    if (file != NULL && fclose(file) != 0) {
        written = false;
    }
    if (!written) {
        perror(path);
    }
    return written ? 0 : 1;
}

int main(int argc, char **argv)
{
    brood_init(argc, argv);

    const picture small = {78, 31, 60, 2};
    const picture large = {1800, 1200, 150, 1};
    const picture *chosen = argc == 2 ? &large : &small;
    size_t size = (size_t)chosen->width * (size_t)chosen->height;
    brood_shared *points = NULL;
    brood_status status = brood_shared_create(&points, size, NULL);
    int code = 1;

    if (status == BROOD_OK) {
        status = draw(chosen, points);
    }
    if (status != BROOD_OK) {
        fprintf(stderr, "no picture: %s\n", brood_status_text(status));
    } else if (argc == 2) {
        code = write_pgm(chosen, brood_shared_data(points), argv[1]);
    } else {
        code = print(chosen, brood_shared_data(points));
    }
    brood_shared_destroy(points);
    return code;
}
