"""Puts the bodies of our own API right that a session could only guess, and lets it wait
where a person would: an answer comes after the question. Prints the session."""
import json
import os
import sys

session = json.load(open(sys.argv[1]))
name = os.path.basename(sys.argv[1]).removesuffix(".json")


def replace(step_name, body):
    for part in ("setup", "steps"):
        for step in session[part]:
            if step["name"] == step_name:
                step["request"]["json"] = body


def before(step_name, new):
    for at, step in enumerate(session["steps"]):
        if step["name"] == step_name:
            session["steps"].insert(at, new)
            return


def own(step_name, method, path, expect, **request):
    return {"name": step_name, "lines": "-", "basis": "-", "native": True, "retry_seconds": 10,
            "request": {"method": method, "path": path, **request}, "expect": expect}


def question(step, text):
    return {"id": step, "kind": "ask", "content": {"text": text}, "question": {"type": "text", "timeout": "24h"}}


def sent(n):
    return own(f"question {n} is out", "GET", "/v1/messages",
               {"status": 200, "body_regex": r'(?s)(.*"state":"(sent|delivered|read)"){%d}' % n}, query={"channel_id": "{{page_id}}"})


if name == "chat44mp":
    replace("a flow of two questions", {"name": "serial check", "channel_id": "{{#page_id}}", "steps": [
        question("pet", "What is your favorite pet?"), question("color", "What is your favorite color?"),
        {"id": "over", "kind": "end", "outcome": "done"}]})
    before("the first answer", own("the subscriber enters", "POST", "/v1/flows/{{flow_id}}/enter", {"status": [200, 201, 202]},
                                   json={"contacts": [{"id": "{{#native_subscriber}}"}]}))
    before("the first answer", sent(1))
    before("the second answer", sent(2))
    # Questions have numbers of their own, which /v1 does not show: their form is looked at.
    for step in session["steps"]:
        if step["name"] == "one subscriber's answers":
            step["retry_seconds"] = 10
            step["expect"] = {"status": 200, "json_keys": {"": ["id", "flow_name", "data"], "/data/0": ["question_id", "question", "answer"]},
                              "json_shape": {"data": [{"question_id": "numstring", "question": "string", "answer": "string"}]},
                              "json_subset": {"data": [{"question": "What is your favorite pet?", "answer": "Dog"},
                                                       {"question": "What is your favorite color?", "answer": "Black"}]}}
if name == "xms":
    replace("a template", {"name": "feedback", "category": "utility", "kinds": ["whatsapp"], "default_language": "en-US",
                           "parameters": [{"name": "1", "value": "{{ row.amount }}", "sample": "10"}, {"name": "2", "value": "{{ row.currency }}", "sample": "INR"}],
                           "translations": [{"language": "en-US", "body": "You paid {{1}} {{2}} today."}]})
json.dump(session, sys.stdout, ensure_ascii=False)
