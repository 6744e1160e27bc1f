/** What a registry wants before it answers: the WWW-Authenticate header (RFC 9110, 11.6.1). */

export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Parses `Bearer realm="…",service="…",scope="…"`; several challenges may stand in one header. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  // a parameter, quoted or not; or a scheme, which no = follows
  const pattern =
    /([A-Za-z][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([A-Za-z][\w-]*)(?=\s|$)/g;
  for (const [, key, quoted, bare, scheme] of header.slice(0, 8192).matchAll(pattern)) {
    if (scheme !== undefined)
      challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    else
      challenges
        .at(-1)
        ?.parameters.set((key ?? "").toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? bare ?? "");
  }
  return challenges;
}
