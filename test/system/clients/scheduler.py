"""A scheduler and an operator in plain Python, without any library of ours: what somebody writes who has only read the protocol.

Usage: scheduler.py HOST:PORT. Subscribes, launches a task, acknowledges its updates, reconciles, watches the operator's event stream,
kills a second task, reads the operator's lists, tears down. Prints a line of JSON with what it saw.
"""
import base64
import http.client
import json
import sys

HOST = sys.argv[1]
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


def post(path, body, headers=None):
    connection = http.client.HTTPConnection(HOST, timeout=30)
    connection.request("POST", path, json.dumps(body), {**HEADERS, **(headers or {})})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, text


def stream(path, body):
    """A generator of events, and the answer's headers."""
    connection = http.client.HTTPConnection(HOST, timeout=30)
    connection.request("POST", path, json.dumps(body), HEADERS)
    answer = connection.getresponse()
    assert answer.status == 200, (answer.status, answer.read())

    def events():
        while True:
            length = answer.readline()
            if not length:
                return
            yield json.loads(answer.read(int(length)))

    return events(), answer.headers


def operator(kind, **fields):
    status, text = post("/api/v1", {"type": kind, **({kind.lower(): fields} if fields else {})})
    return json.loads(text) if text else status


seen = {"events": [], "states": {}, "operator": []}
operator_events, _ = stream("/api/v1", {"type": "SUBSCRIBE"})
assert next(operator_events)["type"] == "SUBSCRIBED"

events, headers = stream(
    "/api/v1/scheduler",
    {"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "root", "name": "python", "checkpoint": True}}},
)
stream_id = headers["Mesos-Stream-Id"]
framework_id = None
tasks = {"short": "exit 0", "long": "exec sleep 600"}
reconciled = False


def call(kind, **fields):
    body = {"type": kind, "framework_id": framework_id, **({kind.lower(): fields} if fields else {})}
    status, text = post("/api/v1/scheduler", body, {"Mesos-Stream-Id": stream_id})
    assert status == 202, (kind, status, text)


for event in events:
    seen["events"].append(event["type"])
    if event["type"] == "SUBSCRIBED":
        framework_id = event["subscribed"]["framework_id"]
        seen["heartbeat"] = event["subscribed"]["heartbeat_interval_seconds"]
    elif event["type"] == "OFFERS":
        for offer in event["offers"]["offers"]:
            if not tasks:
                call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 1})
                continue
            infos = [
                {
                    "name": name,
                    "task_id": {"value": name},
                    "agent_id": offer["agent_id"],
                    "resources": [
                        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                        {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
                    ],
                    "command": {"shell": True, "value": command},
                }
                for name, command in tasks.items()
            ]
            tasks = {}
            call("ACCEPT", offer_ids=[offer["id"]], operations=[{"type": "LAUNCH", "launch": {"task_infos": infos}}])
    elif event["type"] == "UPDATE":
        status = event["update"]["status"]
        name = status["task_id"]["value"]
        if status.get("reason") == "REASON_RECONCILIATION":
            seen["reconciled"] = [name, status["state"], "uuid" in status]
            reconciled = True
            call("KILL", task_id={"value": "long"})
            continue
        if "uuid" in status:
            assert len(base64.b64decode(status["uuid"])) == 16
            call("ACKNOWLEDGE", agent_id=status["agent_id"], task_id=status["task_id"], uuid=status["uuid"])
        states = seen["states"].setdefault(name, [])
        if status["state"] not in states:
            states.append(status["state"])
        ended = seen["states"].get("short", [])[-1:] == ["TASK_FINISHED"]
        running = seen["states"].get("long", [])[-1:] == ["TASK_RUNNING"]
        if ended and running and not reconciled:
            call("RECONCILE", tasks=[{"task_id": {"value": "long"}}])
        if seen["states"].get("long", [])[-1:] == ["TASK_KILLED"]:
            break

names = [one["framework_info"]["name"] for one in operator("GET_FRAMEWORKS")["get_frameworks"]["frameworks"]]
seen["frameworks"] = names
seen["agents"] = len(operator("GET_AGENTS")["get_agents"]["agents"])
seen["healthy"] = operator("GET_HEALTH")["get_health"]["healthy"]
seen["version"] = operator("GET_VERSION")["get_version"]["version_info"]["version"]
seen["weights"] = operator("UPDATE_WEIGHTS", weight_infos=[{"role": "py", "weight": 2.0}])
seen["teardown"] = operator("TEARDOWN", framework_id=framework_id)
for event in operator_events:
    seen["operator"].append(event["type"])
    if event["type"] == "FRAMEWORK_REMOVED":
        break
print(json.dumps(seen))
