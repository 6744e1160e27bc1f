import { expect, test } from "bun:test";
import { bytesSize, humanAge, humanDuration, humanSize, imageSize } from "./human.ts";

test.each([
  [0, "0B", "0 B", "0B"],
  [999, "999B", "999 B", "999B"],
  [1000, "1kB", "1 kB", "1000B"],
  [21571, "21.57kB", "21.6 kB", "21.07KiB"],
  [10125, "10.12kB", "10.1 kB", "9.888KiB"],
  [13300, "13.3kB", "13.3 kB", "12.99KiB"],
  [1_240_000, "1.24MB", "1.24 MB", "1.183MiB"],
  [999_999, "1000kB", "1000 kB", "976.6KiB"],
  [1.5 * 1024 ** 3, "1.611GB", "1.61 GB", "1.5GiB"],
  [2 ** 50, "1.126PB", "1.13 PB", "1PiB"],
])("sizes of %d bytes", (bytes, docker, podman, binary) => {
  expect(humanSize(bytes)).toBe(docker);
  expect(imageSize(bytes)).toBe(podman);
  expect(bytesSize(bytes)).toBe(binary);
});

test("humanSize() keeps as many digits as asked", () => {
  expect(humanSize(21571, 3)).toBe("21.6kB");
});

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

test.each([
  [-5 * second, "Less than a second"],
  [450, "Less than a second"],
  [1 * second, "1 second"],
  [1999, "1 second"],
  [59 * second, "59 seconds"],
  [60 * second, "About a minute"],
  [119 * second, "About a minute"],
  [4 * minute, "4 minutes"],
  [59.9 * minute, "59 minutes"],
  [60 * minute, "About an hour"],
  [89 * minute, "About an hour"],
  [90 * minute, "2 hours"],
  [47 * hour, "47 hours"],
  [2 * day, "2 days"],
  [13 * day, "13 days"],
  [14 * day, "2 weeks"],
  [59 * day, "8 weeks"],
  [60 * day, "2 months"],
  [365 * day, "12 months"],
  [729 * day, "24 months"],
  [730 * day, "2 years"],
  [3650 * day, "10 years"],
])("humanDuration(%d) is %s", (milliseconds, text) => {
  expect(humanDuration(milliseconds)).toBe(text);
});

test("humanAge() counts from then to now", () => {
  expect(humanAge(1000, 1000 + 4 * minute)).toBe("4 minutes ago");
});
