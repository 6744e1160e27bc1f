/** What a route is: data. The file of its handler is loaded when somebody first asks for it. */
import type { LocalEngine } from "../engine.ts";
import type { HttpRequest } from "./http/connection.ts";
import type { Reply } from "./http/reply.ts";

/** A request that has found its route. */
export interface Call {
  readonly engine: LocalEngine;
  /** Decoded, by their names in the route's path. */
  readonly params: Readonly<Record<string, string>>;
  /** What the client speaks: of Docker's API the minor number, 41 is 1.41; of libpod's both, 4003 is 4.3. */
  readonly version: number;
  readonly request: HttpRequest;
}

export type Handler = (call: Call) => Promise<Reply>;

export interface Route {
  readonly method: string;
  /** `/containers/{id}/json`; `{name*}` takes slashes too. */
  readonly path: string;
  /** The first version that has it; left out: all that are served. */
  readonly since?: number;
  load(): Promise<Handler>;
}

interface Compiled {
  readonly route: Route;
  readonly pattern: RegExp;
  readonly names: readonly string[];
}

/** What a path leads to. */
export type Match =
  | { readonly kind: "found"; readonly route: Route; readonly params: Record<string, string> }
  | { readonly kind: "other-method"; readonly allowed: readonly string[] }
  | { readonly kind: "none" };

/** Finds routes by method and path. Those that stand first go before, so put the special ones there. */
export function routeFinder(routes: readonly Route[]): (method: string, path: string) => Match {
  const compiled = routes.map(compile);
  return (method, path) => {
    const allowed: string[] = [];
    for (const { route, pattern, names } of compiled) {
      const match = pattern.exec(path);
      if (match === null) continue;
      if (route.method !== method) {
        allowed.push(route.method);
        continue;
      }
      const values = match.slice(1).map(decode);
      return {
        kind: "found",
        route,
        params: Object.fromEntries(names.map((name, at) => [name, values[at] ?? ""])),
      };
    }
    return allowed.length > 0 ? { kind: "other-method", allowed } : { kind: "none" };
  };
}

function compile(route: Route): Compiled {
  const names: string[] = [];
  const pattern = route.path.replace(/[.]|\{(\w+)(\*?)\}/g, (text, name: string, star: string) => {
    if (text === ".") return "\\.";
    names.push(name);
    return star === "*" ? "(.+)" : "([^/]+)";
  });
  return { route, pattern: new RegExp(`^${pattern}/?$`), names };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a name that is none, which its noun will tell
  }
}
