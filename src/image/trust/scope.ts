/** Which part of a policy an image falls under: most specific first (containers-policy.json(5), "Scopes"). */
import { dirname } from "node:path";
import { formatReference, formatRepository, type Reference } from "../../oci/reference.ts";
import type { Policy, Requirements } from "./policy.ts";

/** Where an image comes from, as policies name it. */
export interface Scope {
  readonly transport: string;
  /** Most specific first; none for transports that know no parts. */
  readonly names: readonly string[];
}

/** What holds for it. */
export function requirementsFor(policy: Policy, scope: Scope): Requirements {
  const scopes = policy.transports.get(scope.transport);
  // "" stands for all of a transport
  for (const name of [...scope.names, ""]) {
    const found = scopes?.get(name);
    if (found !== undefined) return found;
  }
  return policy.default;
}

/** An image of a registry, or one that another engine knows by such a name. */
export function referenceScope(transport: string, reference: Reference): Scope {
  return { transport, names: [formatReference(reference), ...namespacesOf(reference)] };
}

/** The repository, each part above it, its registry, and the registry's domains with a star. */
export function namespacesOf(reference: Reference): string[] {
  const names: string[] = [];
  for (let name = formatRepository(reference); ; ) {
    names.push(name);
    const slash = name.lastIndexOf("/");
    if (slash < 0) break;
    name = name.slice(0, slash);
  }
  const host = reference.registry.split(":", 1)[0] ?? "";
  for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1))
    names.push(`*${host.slice(dot)}`);
  return names;
}

/** A file or directory: itself and those above it, but not the root. @param path resolved, absolute */
export function pathScope(transport: string, path: string): Scope {
  const names: string[] = [];
  for (let at = path; at !== "/" && at !== "."; at = dirname(at)) names.push(at);
  return { transport, names };
}

/** An image in Podman's store. */
export function storageScope(driver: string, root: string, reference: Reference | null): Scope {
  const store = `[${driver}@${root}]`;
  const names =
    reference === null
      ? []
      : referenceScope("", reference).names.filter((name) => !name.startsWith("*"));
  return {
    transport: "containers-storage",
    names: [...names.map((name) => `${store}${name}`), store, `[${root}]`],
  };
}
