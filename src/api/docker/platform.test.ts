import { describe, expect, test } from "bun:test";
import { assertPlatform, platformOf } from "./platform.ts";

const query = (...texts: string[]) => new URLSearchParams(texts.map((text) => ["platform", text]));
const arm = { os: "linux", architecture: "arm64", variant: null };

describe("platformOf()", () => {
  test.each([
    [[], null],
    [[""], null],
    [["linux/arm64"], arm],
    [['{"os":"linux","architecture":"arm64"}'], arm],
    [
      ['{"os":"linux","architecture":"arm","variant":"v7"}'],
      { ...arm, architecture: "arm", variant: "v7" },
    ],
  ])("%j", (texts, platform) => {
    expect(platformOf(query(...texts))).toEqual(platform);
  });

  test.each([
    [["{"], "no JSON"],
    [["{}"], "needs os"],
    [['{"os":1,"architecture":"x"}'], "os is no text"],
    [["a b"], "invalid platform"],
    [["linux/amd64", "linux/arm64"], "of one platform"],
  ])("refuses %j", (texts, words) => {
    expect(() => platformOf(query(...texts))).toThrow(words);
  });
});

test("assertPlatform() lets the image's own through, and names another", () => {
  const image = { Os: "linux", Architecture: "arm64", Variant: "v8" };
  assertPlatform(query('{"os":"linux","architecture":"arm64"}'), "x", image);
  expect(() => assertPlatform(query("linux/s390x"), "x", image)).toThrow(
    "image with reference x was found but does not provide the specified platform (linux/s390x)",
  );
});
