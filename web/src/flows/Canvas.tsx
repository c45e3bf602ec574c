import "@xyflow/react/dist/style.css";

import { Menu, useComputedColorScheme } from "@mantine/core";
import { BaseEdge, Controls, EdgeLabelRenderer, type EdgeProps, Handle, MarkerType, type NodeProps, Position, ReactFlow, type Edge, type Node, type ReactFlowInstance } from "@xyflow/react";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { type Drawing, faults } from "./drawing";
import { add, connect, edge as wayOf, exitsOf, kinds, remove, type Step } from "./graph";
import { box, type Layout, layOut, line, wayKey } from "./layout";
import { blank, exitName, summary } from "./steps";

type StepNode = Node<{ step: Step; here: number | undefined; wrong: number; first: boolean; words: string; kind: string }, "step">;
type WayEdge = Edge<{ name: string; add?: ((step: Step) => void) | undefined; steps: Step[]; on: boolean; at: ReturnType<Layout["ways"]["get"]> }, "way">;

function StepBox({ data }: NodeProps<StepNode>) {
  const { t } = useTranslation();
  return (
    <div className="flow-step" data-kind={data.step.kind} data-wrong={data.wrong > 0 || undefined}>
      {!data.first && <Handle type="target" position={Position.Top} />}
      <strong>{data.step.id}</strong>
      <span>{data.kind}</span>
      <small>{data.words}</small>
      {data.here !== undefined && data.here > 0 && <b className="flow-here">{t("flow.here", { count: data.here })}</b>}
      {data.wrong > 0 && <b className="flow-wrong">{t("flow.wrong", { count: data.wrong })}</b>}
      {data.step.kind !== "end" && <Handle type="source" position={Position.Bottom} />}
    </div>
  );
}

function Way({ sourceX, sourceY, targetX, targetY, markerEnd, data }: EdgeProps<WayEdge>) {
  const { t } = useTranslation();
  const path = line([{ x: sourceX, y: sourceY }, ...(data?.at?.points ?? []), { x: targetX, y: targetY }]);
  const { x, y } = data?.at?.name ?? { x: (sourceX + targetX) / 2, y: (sourceY + targetY) / 2 };
  return (
    <>
      <BaseEdge path={path} {...(markerEnd ? { markerEnd } : {})} className={data?.on ? "flow-on" : ""} />
      <EdgeLabelRenderer>
        <div className="flow-way nodrag nopan" style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}>
          {data?.name && <span>{data.name}</span>}
          {data?.add && (
            <Menu>
              <Menu.Target>
                {/* The keyboard adds steps from the step itself, beside the canvas. */}
                <button type="button" tabIndex={-1} aria-label={t("flow.addHere")}>
                  +
                </button>
              </Menu.Target>
              <Menu.Dropdown>
                {kinds.map((kind) => (
                  <Menu.Item key={kind} onClick={() => data.add?.(blank(kind, data.steps, t))}>
                    {t(`flow.kind.${kind}`)}
                  </Menu.Item>
                ))}
              </Menu.Dropdown>
            </Menu>
          )}
        </div>
      </EdgeLabelRenderer>
    </>
  );
}

const nodeTypes = { step: StepBox };
const edgeTypes = { way: Way };

/** The steps and their ways as a picture in which one can draw. */
export default function Canvas({ drawing }: { drawing: Drawing }) {
  const { t } = useTranslation();
  const { graph, form, problem, here, chosen, choose, edit, fixed, path } = drawing;
  const scheme = useComputedColorScheme();
  const at = useMemo(() => layOut(graph), [graph]);
  const [drawn, setDrawn] = useState<ReactFlowInstance<StepNode, WayEdge>>();
  // All that was drawn stays in sight.
  const size = graph.nodes.length;
  useEffect(() => {
    const later = requestAnimationFrame(() => void drawn?.fitView({ maxZoom: 1 }));
    return () => cancelAnimationFrame(later);
  }, [drawn, size]);
  const around = useRef<HTMLDivElement>(null);
  const nodes = graph.nodes.map((step, i): StepNode => {
    const wrong = faults(problem, form.steps, step.id).length;
    const words = summary(step, t);
    const kind = t(`flow.kind.${step.kind}`);
    const n = here.get(step.id);
    return {
      id: step.id,
      type: "step",
      position: at.steps.get(step.id) ?? { x: 0, y: 0 },
      width: box.width,
      height: box.height,
      measured: box,
      handles: [
        { type: "target", position: Position.Top, x: box.width / 2, y: 0, width: 1, height: 1 },
        { type: "source", position: Position.Bottom, x: box.width / 2, y: box.height, width: 1, height: 1 },
      ],
      selected: step.id === chosen,
      ariaRole: "button",
      data: { step, here: n, wrong, first: i === 0 && !graph.edges.some((e) => e.to === step.id), words, kind },
    };
  });
  const byID = new Map(graph.nodes.map((n) => [n.id, n]));
  const edges = graph.edges
    .filter((e) => byID.has(e.to))
    .map((e): WayEdge => {
      const put = (step: Step) => {
        edit((g) => add(g, e.from, e.exit, step));
        choose(step.id);
      };
      const on = path.has(`${e.from} ${e.to}`);
      return {
        id: wayKey(e.from, e.exit),
        type: "way",
        source: e.from,
        target: e.to,
        focusable: false,
        markerEnd: { type: MarkerType.ArrowClosed },
        data: { name: exitName(form.steps.find((s) => s.id === e.from), e.exit, t), add: fixed ? undefined : put, steps: form.steps, on, at: at.ways.get(wayKey(e.from, e.exit)) },
      };
    });
  const focus = (id: string | undefined) => {
    if (id) around.current?.querySelector<HTMLElement>(`.react-flow__node[data-id="${id}"]`)?.focus();
  };
  const press = (e: KeyboardEvent) => {
    const id = (e.target as HTMLElement).closest<HTMLElement>(".react-flow__node")?.dataset["id"];
    if (!id) return;
    const order = graph.nodes.map((n) => n.id);
    const i = order.indexOf(id);
    const go: Record<string, () => void> = {
      Enter: () => choose(id),
      " ": () => choose(id),
      ArrowDown: () => focus(wayOf(graph, id, "next")?.to ?? order[i + 1]),
      ArrowUp: () => focus(graph.edges.find((one) => one.to === id)?.from ?? order[i - 1]),
      ArrowRight: () => focus(order[i + 1]),
      ArrowLeft: () => focus(order[i - 1]),
      ...(fixed || order.length === 1
        ? {}
        : {
            Delete: () => {
              edit((g) => remove(g, id));
              focus(order[i + 1] ?? order[i - 1]);
            },
          }),
    };
    const act = go[e.key];
    if (!act) return;
    e.preventDefault();
    e.stopPropagation();
    act();
  };
  return (
    <div ref={around} onKeyDown={press} className="flow-drawn" role="group" aria-label={t("flow.drawing")}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        colorMode={scheme}
        nodesDraggable={false}
        nodesConnectable={!fixed}
        deleteKeyCode={null}
        disableKeyboardA11y
        edgesFocusable={false}
        onInit={setDrawn}
        minZoom={0.2}
        onNodeClick={(_, node) => choose(node.id)}
        onConnect={({ source, target }) => edit((g) => connect(g, source, freeExit(g.edges.filter((e) => e.from === source).map((e) => e.exit), byID.get(source)), target))}
      >
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  );
}

/** The exit that a line which is drawn is of: the first that leads nowhere of its own, else the way on. */
const freeExit = (taken: string[], step: Step | undefined) => ["next", ...(step ? exitsOf(step) : [])].find((exit) => !taken.includes(exit)) ?? "next";
