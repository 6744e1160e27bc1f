/** Variables while a Dockerfile is read: ARG and ENV of a stage, those before the first FROM, and the predefined ones. */
import type { Platform } from "../../oci/platform.ts";

/** Taken from --build-arg without an ARG, kept out of the history, and no reason for a step to run anew. */
export const proxyArgs: readonly string[] = ["HTTP", "HTTPS", "FTP", "NO", "ALL"].flatMap(
  (name) => [`${name}_PROXY`, `${name.toLowerCase()}_proxy`],
);

/** Platforms as variables; a stage sees one after `ARG TARGETARCH`, FROM lines always. */
export function platformArgs(
  build: Platform,
  target: Platform,
  stage: string,
): Readonly<Record<string, string>> {
  const of = (prefix: string, { os, architecture, variant }: Platform) => ({
    [`${prefix}PLATFORM`]: [os, architecture, variant].filter((part) => part !== "").join("/"),
    [`${prefix}OS`]: os,
    [`${prefix}ARCH`]: architecture,
    [`${prefix}VARIANT`]: variant,
  });
  return { ...of("BUILD", build), ...of("TARGET", target), TARGETSTAGE: stage };
}

/** What ARG instructions may take from outside. */
export interface Outside {
  /** --build-arg */
  readonly given: Readonly<Record<string, string>>;
  readonly predefined: Readonly<Record<string, string>>;
}

/** ARG before the first FROM: each sees those before it. */
export class GlobalScope {
  readonly outside: Outside;
  /** Values by name; undefined: declared without a value. */
  readonly declared = new Map<string, string | undefined>();

  constructor(outside: Outside) {
    this.outside = outside;
  }

  /** @param byDefault with variables put in already */
  declare(name: string, byDefault: string | undefined): void {
    this.declared.set(name, this.outside.given[name] ?? byDefault ?? this.outside.predefined[name]);
  }

  /** For FROM lines: what was declared, and the platforms. */
  lookUp(name: string): string | undefined {
    if (this.declared.has(name)) return this.declared.get(name);
    return Object.hasOwn(this.outside.predefined, name) ? this.outside.predefined[name] : undefined;
  }
}

/** One stage. Values change as instructions are read, from top to bottom. */
export class StageScope {
  private readonly globals: GlobalScope;
  /** ENV, in the order of the image's configuration. */
  readonly env: Map<string, string>;
  /** ARG with a value, in order. */
  readonly args: Map<string, string>;

  /** @param inherited of the stage that this one goes on from, or null */
  constructor(globals: GlobalScope, env: readonly string[], inherited: StageScope | null) {
    this.globals = globals;
    this.env = new Map(
      env.map((entry) => {
        const equals = entry.indexOf("=");
        return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
      }),
    );
    this.args = new Map(inherited?.args);
  }

  /** ARG: from outside, else its default, else what was declared before the first FROM, else predefined. */
  declare(name: string, byDefault: string | undefined): void {
    const { given, predefined } = this.globals.outside;
    const value = given[name] ?? byDefault ?? this.globals.declared.get(name) ?? predefined[name];
    if (value === undefined) this.args.delete(name);
    else this.args.set(name, value);
  }

  setEnv(name: string, value: string): void {
    this.env.set(name, value);
  }

  /** ENV goes before ARG, wherever each stands. */
  lookUp(name: string): string | undefined {
    return this.env.get(name) ?? this.args.get(name);
  }

  /** What a command gets as environment from ARG: what ENV does not say already. */
  argsForRun(): [string, string][] {
    return [...this.args].filter(([name]) => !this.env.has(name));
  }

  envList(): string[] {
    return [...this.env].map(([name, value]) => `${name}=${value}`);
  }

  names(): string[] {
    return [...new Set([...this.env.keys(), ...this.args.keys()])];
  }
}
