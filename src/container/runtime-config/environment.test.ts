import { describe, expect, test } from "bun:test";
import { environment } from "./environment.ts";
import { type Changes, inputWith } from "./input.fixture.ts";

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const basic = [path, "container=cooper", "HOSTNAME=0123456789ab", "HOME=/root"];
const image = { Cmd: ["sh"], Env: ["FOO=bar", "PATH=/image"] };

describe("environment()", () => {
  const rows: [name: string, changes: Changes, expected: string[]][] = [
    ["defaults", {}, basic],
    [
      "a terminal",
      { spec: { hasTty: true } },
      [path, "container=cooper", "TERM=xterm", ...basic.slice(2)],
    ],
    [
      "the image over defaults",
      { image },
      ["PATH=/image", "container=cooper", "FOO=bar", ...basic.slice(2)],
    ],
    [
      "the configuration below the image",
      { image, settings: { env: ["FOO=conf", "BAR=conf"] } },
      ["PATH=/image", "container=cooper", "FOO=bar", "BAR=conf", ...basic.slice(2)],
    ],
    [
      "the user over all",
      { image, spec: { env: ["FOO=1", "FOO=2", "container=x"] } },
      ["PATH=/image", "container=x", "FOO=2", ...basic.slice(2)],
    ],
    [
      "values with = and newlines",
      { spec: { env: ["A=b=c\nd"] } },
      [path, "container=cooper", "A=b=c\nd", ...basic.slice(2)],
    ],
    [
      "a bare name from the host",
      { spec: { env: ["A", "B"] }, input: { hostEnv: { A: "1" } } },
      [path, "container=cooper", "A=1", ...basic.slice(2)],
    ],
    [
      "no bare name of an image",
      { image: { Cmd: ["x"], Env: ["SECRET"] }, input: { hostEnv: { SECRET: "s" } } },
      basic,
    ],
    [
      "merged values",
      { image, spec: { envMerge: ["PATH=$PATH:/x:$" + "{FOO}:$NO:\\$FOO"] } },
      ["PATH=/image:/x:bar::$FOO", "container=cooper", "FOO=bar", ...basic.slice(2)],
    ],
    [
      "unset ones",
      { image, spec: { unsetEnv: ["FOO", "NO"] } },
      ["PATH=/image", ...basic.slice(1)],
    ],
    [
      "everything unset but what was set",
      { image, spec: { unsetEnvAll: true, env: ["A=1"] } },
      ["A=1", ...basic.slice(2)],
    ],
    [
      "the host's",
      { settings: { envHost: true }, input: { hostEnv: { A: "1", FOO: undefined } } },
      [path, "container=cooper", "A=1", ...basic.slice(2)],
    ],
    [
      "proxies",
      { input: { hostEnv: { http_proxy: "p", NO_PROXY: "n", A: "1" } } },
      [path, "container=cooper", "http_proxy=p", "NO_PROXY=n", ...basic.slice(2)],
    ],
    [
      "no proxies",
      { spec: { passesProxies: false }, input: { hostEnv: { http_proxy: "p" } } },
      basic,
    ],
    [
      "no proxies by configuration",
      { settings: { httpProxy: false }, input: { hostEnv: { http_proxy: "p" } } },
      basic,
    ],
    [
      "a proxy of the user's own",
      { spec: { env: ["http_proxy=mine"] }, input: { hostEnv: { http_proxy: "p" } } },
      [path, "container=cooper", "http_proxy=mine", ...basic.slice(2)],
    ],
    [
      "an explicit HOME, which is not last",
      { spec: { env: ["HOSTNAME=h", "HOME=/x"] } },
      [path, "container=cooper", "HOME=/x", "HOSTNAME=h"],
    ],
    [
      "systemd's id",
      { spec: { systemd: "always" } },
      [
        path,
        "container=cooper",
        "HOSTNAME=0123456789ab",
        "container_uuid=0123456789abcdef0123456789abcdef",
        "HOME=/root",
      ],
    ],
  ];
  test.each(rows)("has %s", (_, changes, expected) => {
    expect(environment(inputWith(changes))).toEqual(expected);
  });

  test.each([["=x"], [""], ["A=\0"]])("refuses %j", (entry) => {
    expect(() => environment(inputWith({ spec: { env: [entry] } }))).toThrow(
      "invalid environment variable",
    );
  });
  test("refuses --env-merge without a value", () => {
    expect(() => environment(inputWith({ spec: { envMerge: ["PATH"] } }))).toThrow(
      "must be KEY=VALUE",
    );
  });
});
