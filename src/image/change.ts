/** `--change` of import and commit: one instruction of a Dockerfile that changes the configuration. */
import { CooperError } from "../errors.ts";
import type { ProcessConfig } from "../oci/image-config.ts";
import { splitWords } from "../words.ts";

type Apply = (config: ProcessConfig, text: string) => ProcessConfig;

const instructions: Readonly<Record<string, Apply>> = {
  CMD: (config, text) => ({ ...config, Cmd: commandOf(text) }),
  ENTRYPOINT: (config, text) => ({ ...config, Entrypoint: commandOf(text) }),
  ENV: (config, text) => ({
    ...config,
    Env: pairsOf("ENV", text).reduce(withVariable, [...(config.Env ?? [])]),
  }),
  EXPOSE: (config, text) => ({
    ...config,
    ExposedPorts: { ...config.ExposedPorts, ...Object.fromEntries(portsOf(text)) },
  }),
  LABEL: (config, text) => ({
    ...config,
    Labels: { ...config.Labels, ...Object.fromEntries(pairsOf("LABEL", text)) },
  }),
  ONBUILD: (config, text) => ({ ...config, OnBuild: [...(config.OnBuild ?? []), text] }),
  STOPSIGNAL: (config, text) => ({ ...config, StopSignal: text }),
  USER: (config, text) => ({ ...config, User: text }),
  VOLUME: (config, text) => ({
    ...config,
    Volumes: {
      ...config.Volumes,
      ...Object.fromEntries((jsonWords(text) ?? splitWords(text)).map((path) => [path, {}])),
    },
  }),
  WORKDIR: (config, text) => ({ ...config, WorkingDir: text }),
};

/** The configuration as `CMD ["sh"]`, `ENV A=b` or `CMD=sh` changes it. */
export function applyChange(config: ProcessConfig, change: string): ProcessConfig {
  const [, name = "", text = ""] = /^\s*([A-Za-z]+)(?:\s+|=)(.*)$/s.exec(change) ?? [];
  const apply = Object.hasOwn(instructions, name.toUpperCase())
    ? instructions[name.toUpperCase()]
    : undefined;
  if (apply === undefined || text.trim() === "") {
    throw new CooperError("invalid-argument", `invalid change "${change}"`, {
      hint: `write one of ${Object.keys(instructions).join(", ")} and its value, as in a Dockerfile`,
    });
  }
  return apply(config, text.trim());
}

/** The exec form is JSON; anything else is for a shell. */
function commandOf(text: string): string[] {
  return jsonWords(text) ?? ["/bin/sh", "-c", text];
}

function jsonWords(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((word) => typeof word === "string")
      ? value
      : undefined;
  } catch {
    return undefined; // as in a Dockerfile, what is no JSON is for the shell
  }
}

/** `KEY=value "K2=v 2"`, or the old `KEY value`. */
function pairsOf(instruction: string, text: string): [string, string][] {
  const words = splitWords(text);
  const [first = ""] = words;
  if (!first.includes("=")) return [[first, text.slice(text.indexOf(first) + first.length).trim()]];
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals <= 0)
      throw new CooperError(
        "invalid-argument",
        `invalid ${instruction} "${word}": must be KEY=value`,
      );
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

function withVariable(env: readonly string[], [key, value]: [string, string]): string[] {
  return [...env.filter((entry) => !entry.startsWith(`${key}=`)), `${key}=${value}`];
}

function portsOf(text: string): [string, object][] {
  return splitWords(text).map((word) => {
    const match = /^(\d{1,5}(?:-\d{1,5})?)(?:\/(tcp|udp|sctp))?$/i.exec(word);
    if (match === null)
      throw new CooperError(
        "invalid-argument",
        `invalid EXPOSE "${word}": must be PORT[/tcp|udp|sctp]`,
      );
    return [`${match[1]}/${(match[2] ?? "tcp").toLowerCase()}`, {}];
  });
}
