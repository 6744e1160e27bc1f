/** What a Compose file says of builds, as targets (buildx, "bake/compose.go"; compose-spec, build.md). Pure. */
import { CooperError, messageOf } from "../errors.ts";
import { interpolate } from "./compose-interpolation.ts";
import {
  type Definition,
  isField,
  isTargetName,
  mergeSpecs,
  sanitized,
  type Target,
  type TargetSpec,
  targetFields,
} from "./target.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * The targets of several files, the later ones over the earlier.
 *
 * @param env of the process, and of the file `.env`
 * @throws CooperError invalid-argument that names the file and the field
 */
export function composeDefinition(
  files: readonly { readonly name: string; readonly text: string }[],
  env: Readonly<Record<string, string | undefined>>,
): Definition {
  const services = new Map<string, Json>();
  const secrets = new Map<string, Json>();
  for (const { name, text } of files) {
    const whole = fromYaml(name, text, env);
    if (whole.include !== undefined) throw wrong(name, "include is not read by bake");
    for (const [key, service] of Object.entries(object(whole.services ?? {}, name, "services")))
      services.set(
        key,
        overlaid(services.get(key), object(service ?? {}, name, `services.${key}`)),
      );
    for (const [key, secret] of Object.entries(object(whole.secrets ?? {}, name, "secrets")))
      secrets.set(key, object(secret ?? {}, name, `secrets.${key}`));
  }
  const file = files[0]?.name ?? "";
  const targets = [...services].flatMap(([name, service]) =>
    service.build === undefined ? [] : [targetOf(file, name, service, secrets, env)],
  );
  return {
    variables: [],
    targets,
    groups: [{ name: "default", description: null, targets: targets.map(({ name }) => name) }],
  };
}

const wrong = (file: string, what: string) =>
  new CooperError("invalid-argument", `${file}: ${what}`);

function fromYaml(name: string, text: string, env: Parameters<typeof interpolate>[1]): Json {
  let value: unknown;
  try {
    value = Bun.YAML.parse(text);
  } catch (cause) {
    throw new CooperError("invalid-argument", `${name} is no YAML: ${messageOf(cause)}`, { cause });
  }
  const walk = (node: unknown): unknown => {
    if (typeof node === "string") return interpolate(node, env);
    if (Array.isArray(node)) return node.map(walk);
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([key, one]) => [key, walk(one)]));
  };
  return object(walk(value), name, "the file");
}

function object(value: unknown, file: string, what: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw wrong(file, `${what} is no mapping`);
}

/** A later file's service over an earlier one's: build is put together field by field. */
function overlaid(before: Json | undefined, after: Json): Json {
  if (before === undefined) return after;
  const builds = [before.build, after.build].map((build) =>
    typeof build === "string" ? { context: build } : ((build ?? {}) as Json),
  );
  const [first = {}, second = {}] = builds;
  const hasBuild = before.build !== undefined || after.build !== undefined;
  return { ...before, ...after, ...(hasBuild && { build: { ...first, ...second } }) };
}

function targetOf(
  file: string,
  service: string,
  { build: given, image, environment, ...rest }: Json,
  secrets: ReadonlyMap<string, Json>,
  env: Parameters<typeof interpolate>[1],
): Target {
  const what = `services.${service}`;
  const name = sanitized(service);
  if (!isTargetName(name)) throw wrong(file, `${what}: invalid target name`);
  if (rest.extends !== undefined) throw wrong(file, `${what}.extends is not read by bake`);
  const build =
    typeof given === "string" ? { context: given } : object(given, file, `${what}.build`);
  const environmentOf = mapping(environment, `${what}.environment`, file);
  const reading: Reading = {
    file,
    what: `${what}.build`,
    secrets,
    environment: environmentOf,
    env,
  };
  let spec: TargetSpec = {};
  for (const [key, value] of Object.entries(build)) {
    if (value === null || key.startsWith("x-")) continue;
    const read = Object.hasOwn(fields, key) ? fields[key as keyof typeof fields] : undefined;
    if (read === undefined) throw wrong(file, `${what}.build.${key} is not known`);
    spec = mergeSpecs(spec, read(value, { ...reading, what: `${what}.build.${key}` }));
  }
  if ((spec.tags ?? []).length === 0 && typeof image === "string")
    spec = { ...spec, tags: [image] };
  const more = build["x-bake"];
  if (more !== undefined && more !== null)
    spec = extended(spec, object(more, file, `${what}.build.x-bake`), file, `${what}.build.x-bake`);
  return { name, spec };
}

interface Reading {
  readonly file: string;
  readonly what: string;
  readonly secrets: ReadonlyMap<string, Json>;
  readonly environment: Readonly<Record<string, string | null>>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

type Read = (value: unknown, reading: Reading) => TargetSpec;

const scalar = (value: unknown, { file, what }: Pick<Reading, "file" | "what">): string => {
  if (["string", "number", "boolean"].includes(typeof value)) return `${value}`;
  throw wrong(file, `${what} is no text`);
};

const texts = (value: unknown, reading: Reading): string[] =>
  (Array.isArray(value) ? value : [value]).map((one) => scalar(one, reading));

/** `KEY: VALUE` or a list of `KEY=VALUE`; without a value it is null. */
function mapping(value: unknown, what: string, file: string): Record<string, string | null> {
  if (value === undefined || value === null) return {};
  if (Array.isArray(value))
    return Object.fromEntries(
      value.map((entry) => {
        const text = scalar(entry, { file, what });
        const equals = text.indexOf("=");
        return equals < 0 ? [text, null] : [text.slice(0, equals), text.slice(equals + 1)];
      }),
    );
  return Object.fromEntries(
    Object.entries(object(value, file, what)).map(([key, one]) => [
      key,
      one === null ? null : scalar(one, { file, what: `${what}.${key}` }),
    ]),
  );
}

const text =
  (field: "context" | "dockerfile" | "dockerfile-inline" | "target" | "network"): Read =>
  (value, reading) => ({ [field]: scalar(value, reading) });
const list =
  (field: "tags" | "cache-from" | "cache-to" | "platforms" | "entitlements"): Read =>
  (value, reading) => ({ [field]: texts(value, reading) });
const isOn = (value: unknown, reading: Reading) => {
  if (typeof value === "boolean") return value;
  const shown = scalar(value, reading);
  if (shown === "true" || shown === "false") return shown === "true";
  throw wrong(reading.file, `${reading.what} is neither true nor false`);
};

/** What is told of a build, and what it becomes. */
const fields = {
  additional_contexts: (value, { what, file }) => ({
    contexts: Object.fromEntries(
      Object.entries(mapping(value, what, file)).map(([key, one]) => [key, contextName(one ?? "")]),
    ),
  }),
  args: (value, { what, file, environment, env }) => ({
    args: Object.fromEntries(
      Object.entries(mapping(value, what, file)).map(([key, one]) => [
        key,
        one ?? environment[key] ?? env[key] ?? null,
      ]),
    ),
  }),
  cache_from: list("cache-from"),
  cache_to: list("cache-to"),
  context: text("context"),
  dockerfile: text("dockerfile"),
  dockerfile_inline: text("dockerfile-inline"),
  entitlements: list("entitlements"),
  extra_hosts: (value, reading) => ({ "extra-hosts": extraHosts(value, reading) }),
  isolation: (value, reading) => {
    if (scalar(value, reading) === "default") return {};
    throw wrong(reading.file, `${reading.what} can only be default`);
  },
  labels: (value, { what, file }) => ({
    labels: Object.fromEntries(
      Object.entries(mapping(value, what, file)).map(([key, one]) => [key, one ?? ""]),
    ),
  }),
  network: text("network"),
  no_cache: (value, reading) => ({ "no-cache": isOn(value, reading) }),
  platforms: list("platforms"),
  privileged: (value, reading) => {
    if (!isOn(value, reading)) return {};
    throw wrong(reading.file, `${reading.what}: commands of builds get no more than others`);
  },
  provenance: (value, reading) => ({ attest: [attestation("provenance", value, reading)] }),
  pull: (value, reading) => ({ pull: isOn(value, reading) }),
  sbom: (value, reading) => ({ attest: [attestation("sbom", value, reading)] }),
  secrets: (value, reading) => ({ secret: secretsOf(value, reading) }),
  shm_size: (value, reading) => ({ "shm-size": scalar(value, reading) }),
  ssh: (value, { what, file }) => ({
    ssh: Object.entries(mapping(value, what, file)).map(([id, path]) =>
      path === null ? id : `${id}=${path}`,
    ),
  }),
  tags: list("tags"),
  target: text("target"),
  ulimits: (value, reading) => ({ ulimits: ulimits(value, reading) }),
} as const satisfies Readonly<Record<string, Read>>;

/** `service:web` is the target of that service. */
function contextName(text: string): string {
  const match = /^(?:service|target):(.+)$/.exec(text);
  return match === null ? text : `target:${sanitized(match[1] ?? "")}`;
}

function attestation(type: string, value: unknown, reading: Reading): string {
  const shown = scalar(value, reading);
  if (shown === "true") return `type=${type}`;
  return shown === "false" ? `type=${type},disabled=true` : `type=${type},${shown}`;
}

/** `host: address`, `host=address`, `host:address`. */
function extraHosts(value: unknown, reading: Reading): Record<string, string> {
  if (!Array.isArray(value))
    return Object.fromEntries(
      Object.entries(object(value, reading.file, reading.what)).map(([key, one]) => [
        key,
        texts(one, reading).join(","),
      ]),
    );
  return Object.fromEntries(
    texts(value, reading).map((entry) => {
      const [, host = "", address = ""] = /^([^=:]+)[=:](.*)$/.exec(entry) ?? [];
      if (host === "") throw wrong(reading.file, `${reading.what}: ${entry} is not HOST=ADDRESS`);
      return [host, address];
    }),
  );
}

function secretsOf(value: unknown, reading: Reading): string[] {
  const { file, what, secrets } = reading;
  if (!Array.isArray(value)) throw wrong(file, `${what} is no list`);
  return value.map((entry) => {
    const source =
      typeof entry === "string" ? entry : scalar(object(entry, file, what).source, reading);
    const secret = secrets.get(source);
    if (secret === undefined) throw wrong(file, `${what}: there is no secret ${source}`);
    if (typeof secret.environment === "string") return `id=${source},env=${secret.environment}`;
    if (typeof secret.file === "string") return `id=${source},src=${secret.file}`;
    throw wrong(file, `secrets.${source} has neither file nor environment`);
  });
}

function ulimits(value: unknown, reading: Reading): string[] {
  return Object.entries(object(value, reading.file, reading.what)).map(([name, limit]) => {
    if (typeof limit !== "object" || limit === null) return `${name}=${scalar(limit, reading)}`;
    const { soft, hard } = limit as Json;
    return `${name}=${scalar(soft, reading)}:${scalar(hard, reading)}`;
  });
}

/** Fields of bake within a Compose file; lists go behind those of Compose. */
function extended(spec: TargetSpec, more: Json, file: string, what: string): TargetSpec {
  const read: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(more)) {
    if (value === null || value === undefined) continue;
    const place = { file, what: `${what}.${name}` };
    if (!isField(name)) throw wrong(file, `${place.what} is not known`);
    const { kind } = targetFields[name];
    if (kind === "switch") read[name] = isOn(value, place as Reading);
    else if (kind === "text") read[name] = scalar(value, place);
    else if (kind === "map")
      read[name] = {
        ...Object.fromEntries(
          Object.entries(mapping(value, place.what, file)).map(([key, one]) => [
            key,
            name === "contexts" ? contextName(one ?? "") : one,
          ]),
        ),
        ...spec[name as "contexts"],
      };
    else {
      const words =
        typeof value === "string" ? value.split(/\s+/).filter((word) => word !== "") : value;
      const before = (spec[name as "tags"] ?? []) as readonly string[];
      read[name] = [...new Set([...before, ...texts(words, place as Reading)])];
    }
  }
  return { ...spec, ...read };
}
