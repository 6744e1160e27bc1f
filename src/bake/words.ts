/** A target as the words of `cooper build`: whatever a build can be asked, it is asked in one way. Pure. */
import { isAbsolute, join } from "node:path";
import type { TargetSpec } from "./target.ts";

/** What bake itself was asked besides, for all targets. */
export interface BakeFlags {
  readonly noCache: boolean;
  readonly pull: boolean;
  readonly push: boolean;
  readonly sbom: string | null;
  readonly provenance: string | null;
  readonly call: string | null;
}

/** An address, or anything else that is no path. */
const isRemote = (text: string) =>
  /^(?:https?|git|ssh):\/\/|^git@|^github\.com\/|^(?:target|docker-image|oci-layout):/i.test(text);

/** `cwd://` names what is here, also where a file comes from elsewhere. */
export const localPath = (text: string) => text.replace(/^cwd:\/\/\/?/, "") || ".";

/** The words behind `cooper build`. */
export function buildWords(spec: TargetSpec, flags: BakeFlags): string[] {
  const context = localPath(spec.context ?? ".");
  const all = (flag: string, values: readonly string[] = []) =>
    values.map((value) => `${flag}=${value}`);
  const maps = (flag: string, values: Readonly<Record<string, string | null>> = {}) =>
    Object.entries(values).flatMap(([name, value]) =>
      value === null ? [] : [`${flag}=${name}=${value}`],
    );
  const one = (flag: string, value: string | null | undefined) =>
    value === undefined || value === null ? [] : [`${flag}=${value}`];
  const attests = (spec.attest ?? []).filter(
    (text) =>
      !(flags.sbom !== null && /^type=sbom\b/.test(text)) &&
      !(flags.provenance !== null && /^type=provenance\b/.test(text)),
  );
  return [
    ...one("--file", dockerfileOf(spec, context)),
    ...maps("--build-arg", spec.args),
    ...maps("--label", spec.labels),
    ...all("--tag", spec.tags),
    ...all("--annotation", spec.annotations),
    ...all("--attest", attests),
    ...maps("--build-context", localContexts(spec.contexts)),
    ...all("--cache-from", spec["cache-from"]),
    ...all("--cache-to", spec["cache-to"]),
    ...one("--target", spec.target),
    ...all("--secret", spec.secret),
    ...all("--ssh", spec.ssh),
    ...(spec.platforms === undefined || spec.platforms.length === 0
      ? []
      : [`--platform=${spec.platforms.join(",")}`]),
    ...all("--output", spec.output),
    ...(flags.pull || spec.pull === true ? ["--pull=always"] : []),
    ...(flags.noCache || spec["no-cache"] === true ? ["--no-cache"] : []),
    ...one("--network", spec.network),
    ...all("--no-cache-filter", spec["no-cache-filter"]),
    ...one("--shm-size", spec["shm-size"]),
    ...all("--ulimit", spec.ulimits),
    ...maps("--add-host", spec["extra-hosts"]),
    ...all("--allow", spec.entitlements),
    ...one("--call", flags.call ?? spec.call),
    ...one("--sbom", flags.sbom),
    ...one("--provenance", flags.provenance),
    ...(flags.push ? ["--push"] : []),
    "--",
    context,
  ];
}

/** It is named from the context, as far as that is a directory here. Undefined: it is no file. */
export function dockerfileOf(spec: TargetSpec, context: string): string | undefined {
  const { dockerfile } = spec;
  if (dockerfile === undefined || spec["dockerfile-inline"] !== undefined) return undefined;
  if (dockerfile.startsWith("cwd://")) return localPath(dockerfile);
  if (isRemote(context) || isRemote(dockerfile) || isAbsolute(dockerfile)) return dockerfile;
  return join(context, dockerfile);
}

function localContexts(contexts: TargetSpec["contexts"] = {}): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(contexts).map(([name, value]) => [
      name,
      value === null ? null : localPath(value),
    ]),
  );
}
