/** What a build tells while it goes on. How it is shown is the door's business. */

export interface Progress {
  /** A step begins. Steps that nobody is told of have no number. */
  started(step: number, title: string): void;
  /** Something that its command printed. */
  output(step: number, bytes: Uint8Array): void;
  cached(step: number, title: string): void;
  done(step: number, milliseconds: number): void;
  failed(step: number, message: string): void;
  /** What a rule found in the Dockerfile. */
  warned(message: string): void;
}
