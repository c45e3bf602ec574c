/** What a field was refused for. */
interface Refused {
  location?: string;
  message?: string;
}

interface Given {
  code: string;
  status: number;
  detail: string;
  errors?: Refused[];
  requestID?: string;
}

/** An answer that says why something was not done: a problem document (RFC 9457). */
export class Problem extends Error {
  readonly code: string;
  /** The HTTP status; 0 where no answer came. */
  readonly status: number;
  readonly detail: string;
  readonly errors: Refused[];
  /** By which the server's log knows it. */
  readonly requestID: string | undefined;

  constructor(given: Given) {
    super(given.detail || given.code);
    this.name = "Problem";
    this.code = given.code;
    this.status = given.status;
    this.detail = given.detail;
    this.errors = given.errors ?? [];
    this.requestID = given.requestID;
  }

  /** Reads the problem in an answer; a proxy in between may have written something else. */
  static async of(response: Response): Promise<Problem> {
    const given: Given = { code: "internal", status: response.status, detail: response.statusText };
    const id = response.headers.get("X-Request-Id");
    if (id) given.requestID = id;
    if (response.headers.get("Content-Type")?.startsWith("application/problem+json")) {
      const read = (await response.json()) as { code?: string; detail?: string; errors?: Refused[] | null };
      given.code = read.code ?? given.code;
      given.detail = read.detail ?? given.detail;
      given.errors = read.errors ?? [];
    }
    return new Problem(given);
  }

  /** Reports whether the same may go well in a moment. */
  passes(): boolean {
    return this.status === 0 || this.status === 429 || this.status === 503;
  }

  /** What is wrong with a field of the body, such as "name" or "audience.lists"; parts of it count as well. */
  at(field: string): string | undefined {
    const whole = `body.${field}`;
    return this.errors.find(({ location }) => location === whole || location?.startsWith(`${whole}.`) || location?.startsWith(`${whole}[`))?.message;
  }

  /** What is wrong within a part of the body, such as "steps[0]", as the problem of a body of its own. */
  within(part: string): Problem {
    const whole = `body.${part}.`;
    const errors = this.errors.flatMap((e) => (e.location?.startsWith(whole) ? [{ ...e, location: `body.${e.location.slice(whole.length)}` }] : []));
    return new Problem({ code: this.code, status: this.status, detail: this.detail, errors });
  }

  /** What is wrong with none of these fields, which are shown with theirs. */
  besides(...fields: string[]): string[] {
    const left = this.errors.filter(({ location }) => {
      return !fields.some((f) => location === `body.${f}` || location?.startsWith(`body.${f}.`) || location?.startsWith(`body.${f}[`));
    });
    return left.map(({ location, message }) => [location?.replace(/^(body|query|path)\./, ""), message].filter(Boolean).join(": "));
  }
}

/** What is wrong with a field of the body; undefined where nothing failed, or something else did. */
export const wrong = (error: unknown, field: string) => (error instanceof Problem ? error.at(field) : undefined);
