/** What an HCL file consists of (HashiCorp's HCL native syntax specification), as a tree. */

/** What expressions come to. Objects are maps, so that no key means anything to us. */
export type Value =
  | string
  | number
  | boolean
  | null
  | readonly Value[]
  | ReadonlyMap<string, Value>;

/** Where something begins in its file. */
export type Offset = number;

export type Expression = { readonly at: Offset } & (
  | { readonly kind: "literal"; readonly value: Value }
  | { readonly kind: "template"; readonly parts: readonly TemplatePart[] }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "attribute"; readonly of: Expression; readonly name: string }
  | { readonly kind: "index"; readonly of: Expression; readonly key: Expression }
  /** `list.*.name`, `list[*].name`: what follows is done to each. */
  | { readonly kind: "splat"; readonly of: Expression; readonly each: Expression }
  /** What stands for the one of a splat. */
  | { readonly kind: "each" }
  | {
      readonly kind: "call";
      readonly name: string;
      readonly args: readonly Expression[];
      /** `f(list...)` */
      readonly expandsLast: boolean;
    }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  | {
      readonly kind: "object";
      readonly items: readonly { readonly key: Expression; readonly value: Expression }[];
    }
  | ({ readonly kind: "for" } & ForClause & {
        /** null: a list comes out. */
        readonly key: Expression | null;
        readonly value: Expression;
        /** `value...`: values of equal keys become lists. */
        readonly groups: boolean;
      })
  | { readonly kind: "unary"; readonly operator: "-" | "!"; readonly of: Expression }
  | {
      readonly kind: "binary";
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: "conditional";
      readonly condition: Expression;
      readonly met: Expression;
      readonly otherwise: Expression;
    }
);

export type BinaryOperator =
  | "||"
  | "&&"
  | "=="
  | "!="
  | "<"
  | ">"
  | "<="
  | ">="
  | "+"
  | "-"
  | "*"
  | "/"
  | "%";

/** `for key, value in collection if condition` */
export interface ForClause {
  readonly keyName: string | null;
  readonly valueName: string;
  readonly collection: Expression;
  readonly condition: Expression | null;
}

export type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly expression: Expression }
  | {
      readonly kind: "if";
      readonly condition: Expression;
      readonly met: readonly TemplatePart[];
      readonly otherwise: readonly TemplatePart[];
    }
  | ({ readonly kind: "for"; readonly body: readonly TemplatePart[] } & ForClause);

export interface Attribute {
  readonly name: string;
  readonly at: Offset;
  readonly value: Expression;
}

/** `target "app" { … }` */
export interface Block {
  readonly type: string;
  readonly labels: readonly string[];
  readonly at: Offset;
  readonly body: Body;
}

export interface Body {
  readonly attributes: readonly Attribute[];
  readonly blocks: readonly Block[];
}
