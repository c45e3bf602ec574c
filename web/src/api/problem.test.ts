import { describe, expect, it } from "vitest";

import { Problem } from "./problem";

const refused = (errors: { location?: string; message?: string }[]) => new Problem({ code: "invalid", status: 422, detail: "is not valid", errors });

describe("a problem", () => {
  it("is read of a problem document", async () => {
    const body = JSON.stringify({ code: "conflict", detail: "the name is taken", errors: [{ location: "body.name", message: "is taken" }] });
    const p = await Problem.of(new Response(body, { status: 409, headers: { "Content-Type": "application/problem+json", "X-Request-Id": "r1" } }));
    expect(p).toMatchObject({ code: "conflict", status: 409, message: "the name is taken", requestID: "r1" });
    expect(p.at("name")).toBe("is taken");
  });

  it("is told of by its status where a proxy wrote the answer", async () => {
    const p = await Problem.of(new Response("<h1>Bad gateway</h1>", { status: 502, statusText: "Bad Gateway" }));
    expect(p).toMatchObject({ code: "internal", status: 502, detail: "Bad Gateway" });
    expect(p.passes()).toBe(false);
  });

  it("names fields, and parts of them, but not those whose names begin alike", () => {
    const p = refused([{ location: "body.limits.per_second", message: "too many" }, { location: "body.names", message: "other" }]);
    expect(p.at("limits")).toBe("too many");
    expect(p.at("limits.per_second")).toBe("too many");
    expect(p.at("name")).toBeUndefined();
    expect(p.besides("limits")).toEqual(["names: other"]);
  });

  it("loses nothing that no field shows", () => {
    expect(refused([{ message: "all of it" }, { location: "query.limit", message: "is 0" }]).besides("name")).toEqual(["all of it", "limit: is 0"]);
  });

  it("passes where there was no answer, or none now", () => {
    expect([0, 429, 503, 422, 500].map((status) => new Problem({ code: "x", status, detail: "" }).passes())).toEqual([true, true, true, false, false]);
  });

  it("is told of a part as of a body of its own", () => {
    const p = refused([{ location: "body.steps[1].wait.for", message: "is no duration" }, { location: "body.steps[10].id", message: "is no name" }]);
    expect(p.within("steps[1]").at("wait")).toBe("is no duration");
    expect(p.within("steps[1]").errors).toHaveLength(1);
    expect(p.within("steps[2]").errors).toEqual([]);
  });
});
