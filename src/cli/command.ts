/** What a command is: a declaration, from which parsing, help, completion and the manual follow. */
import type { ContainerSpec } from "../container/spec.ts";
import type { Engine } from "../engine.ts";
import type { Option } from "../option.ts";
import type { RemoteChoice } from "../remote/choose.ts";
import type { StorageDriver } from "../settings/storage-conf.ts";

/** The options of a command by the name under which `run` finds their values. */
export type CommandOptions = Readonly<Record<string, Option<unknown>>>;

type ValueOf<O> = O extends Option<infer T> ? T : never;
type IsList<O> = O extends { readonly type: { readonly isList: true } } ? true : false;

/** A list option yields an array (empty when not given); any other its value, or undefined. */
export type OptionValues<O extends CommandOptions> = {
  readonly [K in keyof O]: IsList<O[K]> extends true
    ? readonly ValueOf<O[K]>[]
    : ValueOf<O[K]> | undefined;
};

/** Values of the options that stand before the command. */
export interface GlobalOptions {
  root: string | null;
  runRoot: string | null;
  runtime: string | null;
  runtimeFlags: string[];
  cgroupManager: "systemd" | "cgroupfs" | null;
  storageDriver: StorageDriver | null;
  storageOptions: string[];
  conmon: string | null;
  hooksDirectories: string[];
  logLevel: "debug" | "info" | "warn" | "error" | "fatal" | "panic" | "trace";
  tmpDirectory: string | null;
  volumePath: string | null;
  eventsBackend: string | null;
  configDirectory: string | null;
  cdiSpecDirectories: string[];
  modules: string[];
  /** Which engine is asked. */
  readonly remote: RemoteOptions;
}

/** What is typed about an engine elsewhere. */
export interface RemoteOptions {
  url: string | null;
  name: RemoteChoice["name"];
  isRemote: boolean | null;
  identity: string | null;
  readonly tls: { -readonly [K in keyof RemoteChoice["tls"]]: RemoteChoice["tls"][K] };
}

export interface CommandContext<O extends CommandOptions> {
  /** Opened on first use. */
  readonly engine: Engine;
  /** The same, where it is one elsewhere. */
  readonly elsewhere: Engine | null;
  /** The words that are not options. */
  readonly args: readonly string[];
  readonly options: OptionValues<O>;
  /** Filled by the command's `specOptions`; an empty spec where it has none. */
  readonly spec: ContainerSpec;
  /** Which options were typed, by flag. */
  readonly given: ReadonlySet<string>;
  readonly global: GlobalOptions;
  /**
   * Does `act` for each name, going on after failures, and prints what it returns (a string) a line
   * each; errors go to stderr one by one. Resolves to the exit status: 0, or that of the last error.
   */
  forEach(
    names: readonly string[],
    act: (name: string) => Promise<string | undefined>,
  ): Promise<number>;
  /** Tells a failure after which the command goes on; resolves to the exit status that it leads to. */
  fail(error: unknown): Promise<number>;
}

export interface Command<O extends CommandOptions = CommandOptions> {
  readonly summary: string;
  /** What stands after the command's name and options in the usage line: `CONTAINER [CONTAINER...]`. */
  readonly usage: string;
  readonly description?: string;
  readonly examples?: readonly string[];
  readonly options: O;
  /** Options that write into a ContainerSpec (run, create). */
  readonly specOptions?: readonly Option<unknown, ContainerSpec>[];
  /** How many words besides options; `max` is unlimited when left out. */
  readonly args: { readonly min: number; readonly max?: number };
  /** Flags end at the first word (run, create, exec): what follows belongs to the container. */
  readonly stopsAtFirstWord?: boolean;
  /**
   * Whether the command works from outside of the rootless user namespace: it reads records and asks
   * the kernel about processes, but touches no file of an image or container.
   */
  readonly staysOutside?: boolean;
  /** What completion offers for the words: a kind of name, or the words themselves. */
  readonly completes?:
    | "container"
    | "running-container"
    | "image"
    | "volume"
    | "network"
    | "secret"
    | "snapshot"
    | "file"
    | "none"
    | readonly string[];
  readonly isHidden?: boolean;
  /** It is about this machine, also where another engine is asked for. */
  readonly isHere?: boolean;
  /** Whether its own failures are none that `cooper why` is to tell of. */
  readonly isKeptOutOfWhy?: boolean;
  /** Resolves to the exit status; nothing is 0. */
  run(context: CommandContext<O>): Promise<number | undefined | void>;
}

/** Declares a command. The identity function: it only fixes the types. */
export function defineCommand<const O extends CommandOptions>(command: Command<O>): Command<O> {
  return command;
}

/** A place in the tree of commands: its own declaration is loaded on first use. */
export interface CommandEntry {
  /** `container stop`. */
  readonly path: string;
  /** Other spellings of the whole path: `stop`. */
  readonly aliases: readonly string[];
  readonly summary: string;
  load(): Promise<Command>;
}
