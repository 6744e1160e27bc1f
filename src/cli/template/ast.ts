/** The tree of a parsed Go template: what stands between the braces, and the text around it. */

/** Where in the source something stands: offsets, the end exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One value in a command: its head or one of its arguments. */
export type Operand =
  | (Span & { readonly kind: "dot" })
  | (Span & { readonly kind: "nil" })
  | (Span & { readonly kind: "literal"; readonly value: string | number | bigint | boolean })
  | (Span & { readonly kind: "field"; readonly path: readonly string[] })
  | (Span & { readonly kind: "variable"; readonly name: string; readonly path: readonly string[] })
  | (Span & { readonly kind: "function"; readonly name: string })
  | (Span & { readonly kind: "chain"; readonly operand: Operand; readonly path: readonly string[] })
  | Pipeline;

/** `head argument argument`: a function with its arguments, or a single value. */
export interface Command extends Span {
  readonly head: Operand;
  readonly args: readonly Operand[];
}

/** Commands joined by `|`, and the variables that receive the result. */
export interface Pipeline extends Span {
  readonly kind: "pipeline";
  /** Names with their `$`. Two of them only in `range`. */
  readonly variables: readonly string[];
  /** `=` sets variables that exist, `:=` declares new ones. */
  readonly isAssignment: boolean;
  readonly commands: readonly Command[];
}

/** `if`, `with` and `range`, which share their shape. */
export interface Control extends Span {
  readonly kind: "if" | "with" | "range";
  readonly pipeline: Pipeline;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

/** One piece of a template. */
export type Node =
  | (Span & { readonly kind: "text"; readonly text: string })
  | (Span & { readonly kind: "action"; readonly pipeline: Pipeline })
  | (Span & {
      readonly kind: "call";
      readonly name: string;
      readonly pipeline: Pipeline | undefined;
    })
  | (Span & { readonly kind: "break" | "continue" })
  | Control;

/** A whole parsed source: its own text, and the templates it defines by name. */
export interface Tree {
  readonly main: readonly Node[];
  readonly definitions: ReadonlyMap<string, readonly Node[]>;
}
