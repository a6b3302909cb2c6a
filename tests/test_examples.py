#!/usr/bin/env python3
"""The example programs as their users meet them: what they print and write, and what they refuse.

    test_examples.py FOLDER_OF_THE_PROGRAMS
"""
import gzip
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAMS = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "build/examples"
LAST_LINE = r"loss=\d+\.\d{4} val_loss=\d+\.\d{4} epochs=%d seconds=\d+\.\d"


def run(program, *options):
    command = [os.path.join(PROGRAMS, program), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


def idx(dims, values):
    return bytes([0, 0, 8, len(dims)]) + b"".join(struct.pack(">I", d) for d in dims) + values


def npy(descr, shape, values, fortran=False, version=1):
    header = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n" % (descr, fortran, shape)
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + values


class InFolder(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def write(self, name, content):
        with open(os.path.join(self.folder, name), "wb") as file:
            file.write(content)

    def read(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def succeed(self, program, *options):
        """What the program prints; it writes into the folder."""
        result = run(program, "--out", self.folder, *options)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def assert_pictures(self, *names):
        for name in names:
            self.assertEqual(self.read(name + ".png")[:8], b"\x89PNG\r\n\x1a\n")

    def assert_refused(self, result, says):
        """Exit code 1, nothing on stdout, one line on stderr."""
        self.assertEqual((result.returncode, result.stdout), (1, ""), result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertIn(says, result.stderr)


class CommandLine(InFolder):
    def test_help_is_asked_for(self):
        for program in ("mnist", "denoise", "conv", "colorize", "sparse", "anomaly", "vae", "conditional",
                        "online", "signal", "resume", "stream"):
            result = run(program, "--help")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertTrue(result.stdout.startswith("usage: " + program))

    def test_wrong_options_get_usage_and_code_2(self):
        for wrong in ("--no", "--epochs", "--epochs -1", "--epochs 3x", "--batch 0",
                      "--seed " + "9" * 30, "--model see", "--model seed|deep"):
            result = run("mnist", *wrong.split())
            self.assertEqual((result.returncode, result.stdout), (2, ""), wrong)
            self.assertIn("usage: mnist", result.stderr)


class Digits(InFolder):
    def images(self, zipped=False, width=5):
        """32 + 16 images of 4 x width pixels with a pattern."""
        def pixels(rows):
            return bytes((i * 37 + i // 20 * 11) % 256 for i in range(rows * 4 * width))
        for name, rows in ("train", 32), ("t10k", 16):
            content = idx((rows, 4, width), pixels(rows))
            labels = idx((rows,), bytes(rows))
            ending = ".gz" if zipped else ""
            pack = gzip.compress if zipped else bytes
            self.write(name + "-images-idx3-ubyte" + ending, pack(content))
            self.write(name + "-labels-idx1-ubyte" + ending, pack(labels))

    def colours(self):
        """32 + 16 images of 4 x 8 pixels in colour."""
        for name, rows in ("train", 32), ("test", 16):
            pixels = bytes(i * 37 % 256 for i in range(rows * 96))
            self.write(name + "-images-idx4-ubyte", idx((rows, 4, 8, 3), pixels))

    def mnist(self, *options):
        return run("mnist", "--data", self.folder, "--out", self.folder, "--batch", "8", *options)

    def test_its_own_digits_are_learned(self):
        printed = self.succeed("mnist", "--epochs", "2")
        self.assertIn("Epoch 2/2\n40/40 [==============================] - ", printed)
        self.assertNotIn("\r", printed)
        last = printed.splitlines()[-1]
        self.assertRegex(last, "^" + LAST_LINE % 2 + r" code_mse=\S+ pca_mse=\S+$")
        self.assertLess(float(re.search(r"val_loss=(\S+)", last)[1]), 0.26)
        self.assert_pictures("loss", "reconstruction")
        self.assertGreater(len(self.read("digits.aem")), 4 * 50992)

    def test_noise_is_taken_off(self):
        printed = self.succeed("denoise", "--epochs", "1", "--quiet")
        self.assertRegex(printed, "^" + LAST_LINE % 1 + r" psnr_noisy=\S+ psnr=\S+ gain_db=\S+\n$")
        self.assertGreater(float(re.search(r"gain_db=(\S+)", printed)[1]), 3)
        self.assert_pictures("restored", "loss")
        self.assertGreater(len(self.read("denoise.aem")), 4 * 803600)

    def test_noise_is_taken_off_after_all_else(self):
        self.images(width=8)
        printed = self.succeed("conv", "--data", self.folder, "--epochs", "1", "--denoise", "1", "--quiet")
        self.assertRegex(printed, "^" + LAST_LINE % 2 + r" val_clean=\S+ weights=28353\n$")
        self.assert_pictures("reconstruction", "restored", "loss")
        self.assertGreater(len(self.read("conv.aem")), 4 * 28353)

    def test_images_that_cannot_be_halved_twice_are_refused(self):
        self.images()
        asked = "--data", self.folder, "--out", self.folder
        self.assert_refused(run("conv", *asked), "multiple of 4")

    def test_grey_images_are_coloured(self):
        self.colours()
        printed = self.succeed("colorize", "--data", self.folder, "--epochs", "1", "--quiet")
        self.assertRegex(printed, "^" + LAST_LINE % 1 + r" mse=\S+ mse_grey=\S+ mse_dense=\S+\n$")
        self.assert_pictures("colours", "loss")
        self.assertGreater(len(self.read("colorize.aem")), 4 * 112994)

    def test_images_without_colours_are_not_learned_from(self):
        self.images()
        self.assert_refused(run("colorize", "--data", self.folder, "--out", self.folder), "no colours")

    def test_a_code_has_as_many_parts_as_it_may(self):
        printed = self.succeed("sparse", "--epochs", "2", "--k", "8", "--quiet")
        self.assertRegex(printed, "^" + LAST_LINE % 2 + r" density=0\.031[23] dead=\d+ pca_mse=0\.\d+\n$")
        self.assert_pictures("dictionary", "reconstruction", "loss")
        self.assertGreater(len(self.read("sparse.aem")), 4 * 402704)

    def test_parts_of_images_in_colour_are_drawn(self):
        self.colours()
        self.succeed("sparse", "--data", self.folder, "--epochs", "1", "--quiet")
        self.assert_pictures("dictionary")

    def test_new_digits_are_drawn(self):
        printed = self.succeed("vae", "--epochs", "1", "--code", "3")
        self.assertEqual(printed.count("Epoch 1/1"), 2)
        last = printed.splitlines()[-1]
        self.assertRegex(last, "^" + LAST_LINE % 1 + r" kl=\S+ active=[123] log_likelihood=-\S+$")
        said = re.search(r"likelihood of 500 test images: (\S+); the bound says at least (\S+)\n", printed)
        self.assertGreater(float(said[1]), float(said[2]))
        self.assert_pictures("samples", "reconstruction", "interpolation", "map", "loss")
        self.assertGreater(len(self.read("vae.aem")), 4 * 632390)

    def test_no_map_is_drawn_in_a_hurry(self):
        self.images()
        printed = self.succeed("vae", "--data", self.folder, "--epochs", "1", "--quick")
        self.assertEqual(printed.count("Epoch 1/1"), 1)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "map.png")))

    def test_digits_are_drawn_as_asked(self):
        printed = self.succeed("conditional", "--epochs", "3", "--quiet")
        right = r" drawn_right=(\S+) real_right=(\S+) told_right=(\S+)\n$"
        self.assertRegex(printed, "^" + LAST_LINE % 3 + right)
        drawn, real, told = map(float, re.search(right, printed).groups())
        self.assertTrue(drawn > 0.3 and real > 0.95 and told > 0.8, printed)
        self.assert_pictures("classes", "styles", "loss")
        self.assertGreater(len(self.read("conditional.aem")), 4 * 648804)

    def test_images_without_labels_are_refused_where_they_are_needed(self):
        self.images()
        os.remove(os.path.join(self.folder, "t10k-labels-idx1-ubyte"))
        asked = "--data", self.folder, "--out", self.folder, "--epochs", "1"
        self.assertEqual(run("vae", *asked, "--quick").returncode, 0)
        self.assert_refused(run("conditional", *asked), "no labels")

    def resume(self, folder):
        return [os.path.join(PROGRAMS, "resume"), "--epochs", "2", "--quiet", "--out", folder]

    def test_killed_program_goes_on_to_the_same_file(self):
        once, twice = os.path.join(self.folder, "once"), os.path.join(self.folder, "twice")
        subprocess.run(self.resume(once), check=True, stdout=subprocess.PIPE)
        checkpoint = os.path.join(twice, "resume.aem")
        for _ in range(3):
            seen = os.path.exists(checkpoint) and os.stat(checkpoint).st_ino
            program = subprocess.Popen(self.resume(twice), stdout=subprocess.PIPE)
            while program.poll() is None and (not os.path.exists(checkpoint) or os.stat(checkpoint).st_ino == seen):
                pass  # until the next checkpoint is there
            program.kill()
            program.communicate()
        result = subprocess.run(self.resume(twice), check=True, stdout=subprocess.PIPE, text=True)
        self.assertRegex(result.stdout, "^" + LAST_LINE % 2 + r" steps=314\n$")
        self.assertEqual(self.read("once/resume.aem"), self.read("twice/resume.aem"))

    def test_file_larger_than_memory_is_trained_on(self):
        printed = self.succeed("stream", "--epochs", "1", "--rows", "40000", "--quiet")
        self.assertRegex(printed, "^" + LAST_LINE % 1 + r" file_mib=29\.9 peak_mib=\S+\n$")
        self.assert_pictures("loss")
        self.assertEqual(len(self.read("test.idx")), 16 + 4001 * 784)

    def test_quiet_leaves_the_last_line(self):
        self.images()
        result = self.mnist("--epochs", "3", "--quiet")
        self.assertRegex(result.stdout, "^" + LAST_LINE % 3 + " [^\n]*\n$")

    def test_plain_and_zipped_files_are_the_same(self):
        models = []
        for zipped in False, True:
            self.images(zipped)
            self.assertEqual(self.mnist("--epochs", "2").returncode, 0)
            models.append(self.read("digits.aem"))
            for name in os.listdir(self.folder):
                os.remove(os.path.join(self.folder, name))
        self.assertEqual(models[0], models[1])

    def test_threads_change_nothing(self):
        self.images()
        models = []
        for threads in "1", "3":
            self.assertEqual(self.mnist("--threads", threads, "--model", "deep").returncode, 0)
            models.append(self.read("digits.aem"))
        self.assertEqual(models[0], models[1])

    def test_damaged_files_are_refused(self):
        good = idx((32, 4, 5), bytes(640))
        for content, says in (
                (b"", "shorter"),
                (good[:3], "shorter"),
                (good[:9], "shorter"),
                (good[:-1], "shorter"),
                (good + b"x", "longer"),
                (b"\1" + good[1:], "not an IDX"),
                (good[:2] + b"\x0d" + good[3:], "not an IDX"),
                (good[:3] + b"\5" + good[4:], "dimensions"),
                (idx((32, 0, 5), b""), "senseless"),
                (idx((2 ** 32 - 1,) * 4, b""), "senseless"),
                (idx((2 ** 31, 2 ** 20, 1), bytes(9)), "shorter"),
                (gzip.compress(good)[:-9], "shorter"),
                (gzip.compress(good)[:-1], "damaged"),
                (idx((640,), bytes(640)), "3 or 4"),
                (idx((32, 4, 5, 2), bytes(1280)), "channels"),
                (idx((1, 1, 5000), bytes(5000)), "beyond"),
                (idx((31, 4, 5), bytes(620)), "one label")):
            self.images()
            self.write("train-images-idx3-ubyte", content)
            self.assert_refused(self.mnist(), says)

    def test_sets_must_have_one_shape(self):
        self.images()
        self.write("t10k-images-idx3-ubyte", idx((16, 5, 5), bytes(400)))
        self.assert_refused(self.mnist(), "differ in shape")

    def test_missing_folders_are_named(self):
        self.assert_refused(run("mnist", "--data", self.folder + "/no"), self.folder + "/no")
        self.write("file", b"")
        self.assert_refused(run("mnist", "--out", self.folder + "/file"), "not a folder")


class Streams(InFolder):
    def test_online_model_follows_the_drift(self):
        printed = self.succeed("online", "--quiet")
        self.assertRegex(printed, "^" + LAST_LINE % 30 + r" score=\S+ score_frozen=\S+ auc=\S+ auc_frozen=\S+\n$")
        auc, frozen = map(float, re.search(r" auc=(\S+) auc_frozen=(\S+)", printed).groups())
        self.assertGreater(auc, frozen + 0.1)
        self.assert_pictures("scores")

    def test_faults_in_a_signal_are_found(self):
        printed = self.succeed("signal", "--epochs", "3")
        last = printed.splitlines()[-1]
        self.assertRegex(last, "^" + LAST_LINE % 3 + r" detected=\S+ false_alarms=0\.0\d+ auc=0\.9\d+$")
        self.assertIn("phase jump 100.0 %", printed)
        self.assert_pictures("faults", "loss")
        self.assertGreater(len(self.read("signal.aem")), 10000)


class Anomalies(InFolder):
    ROWS, COLS = 60, 3

    def tables(self, x, y=None):
        self.write("t-X.npy", x)
        self.write("t-y.npy", y or npy("|u1", "(%d,)" % self.ROWS, self.labels()))

    def labels(self):
        return bytes(i % 6 == 5 for i in range(self.ROWS))

    def value(self, i, j):
        return (i * 7 + j * 13) % 17 + 20 * (i % 6 == 5)

    def numbers(self, form, by_columns=False):
        cells = [(i, j) for i in range(self.ROWS) for j in range(self.COLS)]
        cells.sort(key=lambda cell: cell[::-1] if by_columns else cell)
        return b"".join(struct.pack(form, self.value(i, j)) for i, j in cells)

    def anomaly(self, *options):
        return run("anomaly", "--data", self.folder, "--table", "t", "--out", self.folder,
                   "--epochs", "2", "--quiet", *options)

    def test_its_own_table_needs_more_than_the_norm(self):
        printed = self.succeed("anomaly", "--epochs", "30", "--quiet")
        auc, norm = map(float, re.search(r" auc=(\S+) auc_norm=(\S+)", printed).groups())
        self.assertGreater(auc, 0.98)
        self.assertLess(abs(norm - 0.5), 0.1)

    def test_all_types_and_orders_are_one_table(self):
        shape = "(%d, %d)" % (self.ROWS, self.COLS)
        seen = set()
        for x in (npy("<f4", shape, self.numbers("<f")), npy("<f8", shape, self.numbers("<d")),
                  npy("<i8", shape, self.numbers("<q")), npy("|u1", shape, self.numbers("<B")),
                  npy("<f4", shape, self.numbers("<f", True), fortran=True),
                  npy("<f4", shape, self.numbers("<f"), version=2)):
            self.tables(x)
            result = self.anomaly()
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            seen.add(self.read("anomaly.aem"))
        self.tables(x, npy("|b1", "(%d, 1)" % self.ROWS, self.labels()))
        self.anomaly()
        seen.add(self.read("anomaly.aem"))
        self.assertEqual(len(seen), 1)

    def test_damaged_tables_are_refused(self):
        shape, values = "(%d, %d)" % (self.ROWS, self.COLS), self.numbers("<f")
        good = npy("<f4", shape, values)
        for content, says in (
                (b"", "shorter"),
                (good[:9], "shorter"),
                (good[:40], "shorter"),
                (good[:-1], "not as long"),
                (good + b"x", "not as long"),
                (b"x" + good[1:], "not a .npy"),
                (good[:6] + b"\4" + good[7:], "version 4"),
                (good[:6] + b"\2\0\xff\xff\xff\xff" + good[12:], "header of"),
                (good.replace(b"shape", b"shade"), "'shape'"),
                (npy("<c8", shape, values), "type"),
                (npy(">f4", shape, values), "type"),
                (npy("<f4", "(2, 3, 30)", values), "one or two"),
                (npy("<f4", "(-1, 3)", values), "one or two"),
                (npy("<f4", "()", values), "one or two"),
                (npy("<f4", "(0,)", b""), "one or two"),
                (npy("<f4", "(1, 2", values), "one or two"),
                (npy("<f4", "(%d, %d)" % (2 ** 30, 2 ** 30), values), "not as long"),
                (npy("<f4", "(%d, %d)" % (self.COLS, self.ROWS), values), "labels")):
            self.tables(content)
            self.assert_refused(self.anomaly(), says)

    def test_labels_of_one_kind_are_refused(self):
        x = npy("<f4", "(%d, %d)" % (self.ROWS, self.COLS), self.numbers("<f"))
        for kind in b"\0", b"\1":
            self.tables(x, npy("|u1", "(%d,)" % self.ROWS, kind * self.ROWS))
            self.assert_refused(self.anomaly(), "too few")

    def test_nan_in_a_table_is_refused(self):
        values = struct.pack("<f", float("nan")) * (self.ROWS * self.COLS)
        self.tables(npy("<f4", "(%d, %d)" % (self.ROWS, self.COLS), values))
        self.assert_refused(self.anomaly(), "NaN")


if __name__ == "__main__":
    unittest.main()
