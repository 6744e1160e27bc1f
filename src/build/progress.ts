/** What a build tells while it goes on. How it is shown is the door's business. */

/** A step by its number in the graph, or what is done besides by a word of its own. */
export type StepKey = number | string;

/** A step that will be done, or be found done. */
export interface ToldStep {
  readonly key: StepKey;
  /** `[build 2/5] RUN make` */
  readonly title: string;
  /** What it waits for. */
  readonly inputs: readonly StepKey[];
  /** What it is, as text: equal texts on equal inputs are the same work. */
  readonly facts: string;
}

/** A step is planned, then started or cached; what was started is done, failed or cancelled. */
export interface Progress {
  /** Steps that are now known; some may never begin. */
  planned(steps: readonly ToldStep[]): void;
  started(key: StepKey, title: string): void;
  /** Something that its command printed. More is read once what this returns has resolved. */
  output(key: StepKey, bytes: Uint8Array): void | Promise<void>;
  /** How far a part of it is: `sha256:…`, `1.2MB / 3.4MB`. Told again when it has changed. */
  status(key: StepKey, part: string, text: string): void;
  cached(key: StepKey, title: string): void;
  done(key: StepKey): void;
  failed(key: StepKey, title: string, message: string): void;
  /** Also for what has not begun, or has ended: then it means nothing. */
  cancelled(key: StepKey): void;
  /** What a rule found in the Dockerfile. */
  warned(message: string): void;
  /** Something for the user that belongs to no step. */
  note(message: string): void;
  /** Nothing more comes. May be called again. */
  end(): void;
}
