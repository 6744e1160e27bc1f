/** Environment variables. */
import { readFileSync } from "node:fs";
import { errnoName, messageOf } from "../../errors.ts";
import { flagSwitch, listOf, path, string } from "../../option.ts";
import { option } from "./declare.ts";

const pair = { ...string, placeholder: "NAME[=VALUE]" };

/** `NAME=VALUE`; `NAME` takes the caller's value and is nothing where there is none; `PRE*` takes all that begin so. */
export function expandEnv(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  if (text === "" || text.startsWith("=")) throw new Error("has no name");
  if (text.includes("\0")) throw new Error("has a NUL byte");
  if (text.includes("=")) return [text];
  if (text.endsWith("*")) {
    const start = text.slice(0, -1);
    return Object.entries(env).flatMap(([name, value]) =>
      name.startsWith(start) && value !== undefined ? [`${name}=${value}`] : [],
    );
  }
  const value = env[text];
  return value === undefined ? [] : [`${text}=${value}`];
}

/** Lines of `--env-file` and `--label-file`: blank ones and those that begin with # are passed over. */
export function fileLines(file: string): string[] {
  const text = readText(file).replace(/^\ufeff/, "");
  return text
    .split("\n")
    .map((line) => line.replace(/\r$/, "").trimStart())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const why = { ENOENT: "there is no such file", EISDIR: "it is a directory" }[
      errnoName(cause) ?? ""
    ];
    throw new Error(why ?? messageOf(cause), { cause });
  }
}

export const environment = option(
  "--env",
  listOf(pair),
  "Set an environment variable",
  (spec, text) => {
    spec.env.push(...expandEnv(text, process.env));
  },
  { short: "-e", api: "Config.Env", compose: "environment", quadlet: "Environment" },
);

export const envFile = option(
  "--env-file",
  listOf({ ...path, placeholder: "FILE" }),
  "Read environment variables from a file",
  (spec, file) => {
    const lines = fileLines(file).flatMap((line) => {
      if (/^[^=]*\s[^=]*=/.test(line)) throw new Error(`${file}: a name has blanks: ${line}`);
      return expandEnv(line, process.env);
    });
    spec.env.unshift(...lines); // -e goes before files, in whatever order they were typed
  },
  { compose: "env_file", quadlet: "EnvironmentFile" },
);

export const environmentOptions = [
  environment,
  envFile,
  option(
    "--env-host",
    flagSwitch,
    "Pass the whole environment of the caller",
    (spec, isOn) => {
      if (!isOn) return;
      const own = Object.entries(process.env).flatMap(([name, value]) =>
        value === undefined ? [] : [`${name}=${value}`],
      );
      spec.env.unshift(...own);
    },
    { quadlet: "EnvironmentHost" },
  ),
  option(
    "--env-merge",
    listOf(pair),
    "Set a variable from others of the image: PATH=/x:$PATH",
    (spec, text) => {
      spec.envMerge.push(text);
    },
  ),
  option(
    "--unsetenv",
    listOf({ ...string, placeholder: "NAME" }),
    "Leave out a variable of the image",
    (spec, name) => {
      spec.unsetEnv.push(name);
    },
    { quadlet: "UnsetEnv" },
  ),
  option("--unsetenv-all", flagSwitch, "Leave out all variables of the image", (spec, isOn) => {
    spec.unsetEnvAll = isOn;
  }),
  option(
    "--http-proxy",
    flagSwitch,
    "Pass the caller's proxy variables",
    (spec, isOn) => {
      spec.passesProxies = isOn;
    },
    { defaultText: "true" },
  ),
];
