/** Decoding an image's configuration: every field that is used later has the type that it claims. */
import { CooperError } from "../errors.ts";
import { type Digest, parseDigest } from "./digest.ts";
import type { ImageConfig, ProcessConfig } from "./image-config.ts";
import { decodeStrings, isObject, parseJsonObject } from "./json.ts";
import { maxConfigBytes, maxLayers } from "./manifest.ts";

export interface DecodedConfig {
  readonly config: ImageConfig;
  readonly text: string;
  /** Lowest first. */
  readonly diffIds: readonly Digest[];
}

type Check = (value: unknown) => boolean;
const isString: Check = (value) => typeof value === "string";
const isStrings: Check = (value) => Array.isArray(value) && value.every(isString);
const isNumber: Check = (value) => typeof value === "number" && Number.isSafeInteger(value);

const processFields: Readonly<Record<string, Check>> = {
  User: isString,
  ExposedPorts: isObject,
  Env: isStrings,
  Entrypoint: isStrings,
  Cmd: isStrings,
  Volumes: isObject,
  WorkingDir: isString,
  StopSignal: isString,
  Shell: isStrings,
  OnBuild: isStrings,
  Healthcheck: isObject,
  Labels: isObject,
};
const healthFields: Readonly<Record<string, Check>> = {
  Test: isStrings,
  Interval: isNumber,
  Timeout: isNumber,
  StartPeriod: isNumber,
  StartInterval: isNumber,
  Retries: isNumber,
};
const topFields: Readonly<Record<string, Check>> = {
  architecture: isString,
  os: isString,
  variant: isString,
  created: isString,
  author: isString,
  comment: isString,
  config: isObject,
  rootfs: isObject,
  history: Array.isArray,
};
const historyFields: Readonly<Record<string, Check>> = {
  created: isString,
  created_by: isString,
  author: isString,
  comment: isString,
  empty_layer: (value) => typeof value === "boolean",
};

/** @throws CooperError corrupt, naming the field */
export function decodeImageConfig(bytes: Uint8Array, where: string): DecodedConfig {
  if (bytes.length > maxConfigBytes)
    throw new CooperError("hostile", `${where} is larger than 8 MiB`);
  const { text, value } = parseJsonObject(bytes, where);
  checkFields(value, topFields, where);
  const { rootfs, config, history } = value;
  if (!isObject(rootfs)) throw new CooperError("corrupt", `${where} has no rootfs`);
  const ids = rootfs.diff_ids ?? [];
  if (!Array.isArray(ids)) throw new CooperError("corrupt", `${where}: rootfs.diff_ids is no list`);
  if (ids.length > maxLayers)
    throw new CooperError("hostile", `${where} has more than ${maxLayers} layers`);
  const diffIds = ids.map((id, index) => parseDigest(id, `${where}: layer ${index + 1}`));
  if (isObject(config)) {
    checkFields(config, processFields, `${where}: config`);
    decodeStrings(config.Labels, `${where}: labels`);
    if (isObject(config.Healthcheck))
      checkFields(config.Healthcheck, healthFields, `${where}: health check`);
  }
  for (const entry of Array.isArray(history) ? history : []) {
    if (!isObject(entry)) throw new CooperError("corrupt", `${where} has an invalid history`);
    checkFields(entry, historyFields, `${where}: history`);
  }
  return { config: normalized(value, diffIds), text, diffIds };
}

/**
 * Decodes what an image says of processes alone (`commit --config`).
 *
 * @throws CooperError corrupt, naming the field
 */
export function decodeProcessConfig(bytes: Uint8Array, where: string): ProcessConfig {
  const { value } = parseJsonObject(bytes, where);
  checkFields(value, processFields, where);
  decodeStrings(value.Labels, `${where}: labels`);
  if (isObject(value.Healthcheck))
    checkFields(value.Healthcheck, healthFields, `${where}: health check`);
  const known = Object.entries(value).filter(([name]) => Object.hasOwn(processFields, name));
  return Object.fromEntries(known) as ProcessConfig;
}

/** Absent and null are the same, as for Go's decoder. */
function checkFields(
  value: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, Check>>,
  where: string,
): void {
  for (const [name, isValid] of Object.entries(fields)) {
    const field = value[name];
    if (field !== undefined && field !== null && !isValid(field)) {
      throw new CooperError("corrupt", `${where} has an invalid ${name}`);
    }
  }
}

function normalized(
  value: Readonly<Record<string, unknown>>,
  diffIds: readonly Digest[],
): ImageConfig {
  const present = Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
  return {
    ...present,
    architecture: typeof value.architecture === "string" ? value.architecture : "",
    os: typeof value.os === "string" && value.os !== "" ? value.os : "linux",
    rootfs: { type: "layers", diff_ids: diffIds },
  };
}
