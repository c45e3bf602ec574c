package testenv

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
)

// A cluster has as many masters as Redis asks for, and all the slots.
const (
	clusterNodes = 3
	clusterSlots = 16384
)

// Cluster is a private Redis cluster of three masters without replicas.
type Cluster struct {
	// Nodes are the masters; each can be stopped and started by itself.
	Nodes []*RedisServer
}

// StartRedisCluster starts a cluster that keeps its files in dir, or in
// temporary directories if dir is empty, and returns when every node says that
// all slots are served.
func StartRedisCluster(dir string) (*Cluster, error) {
	c := &Cluster{}
	if err := c.start(dir); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) start(dir string) error {
	for i := range clusterNodes {
		nodeDir := dir
		if dir != "" {
			nodeDir = filepath.Join(dir, fmt.Sprintf("node-%d", i))
		}
		node, err := StartRedis(nodeDir, withCluster())
		if err != nil {
			return fmt.Errorf("start cluster: %w", err)
		}
		c.Nodes = append(c.Nodes, node)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	if err := c.join(ctx); err != nil {
		return fmt.Errorf("form cluster: %w", err)
	}
	for _, node := range c.Nodes {
		if err := poll(ctx, func() error { return clusterReady(ctx, node) }); err != nil {
			return fmt.Errorf("form cluster: %w", err)
		}
	}
	return nil
}

// join shares out the slots and makes the nodes known to each other.
func (c *Cluster) join(ctx context.Context) error {
	for i, node := range c.Nodes {
		first, last := i*clusterSlots/clusterNodes, (i+1)*clusterSlots/clusterNodes-1
		commands := [][]string{
			// Epochs that differ from the start spare the nodes a conflict to settle.
			{"CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i + 1)},
			{"CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last)},
		}
		if i > 0 {
			commands = append(commands, []string{
				"CLUSTER", "MEET", "127.0.0.1", c.Nodes[0].port.String(), c.Nodes[0].busPort.String(),
			})
		}
		for _, command := range commands {
			if _, err := redisCommand(ctx, node.Addr(), command...); err != nil {
				return err
			}
		}
	}
	return nil
}

func clusterReady(ctx context.Context, node *RedisServer) error {
	info, err := redisCommand(ctx, node.Addr(), "CLUSTER", "INFO")
	if err != nil {
		return err
	}
	for _, want := range []struct{ field, value string }{
		{"cluster_state", "ok"},
		{"cluster_slots_ok", strconv.Itoa(clusterSlots)},
		{"cluster_known_nodes", strconv.Itoa(clusterNodes)},
		{"cluster_size", strconv.Itoa(clusterNodes)},
	} {
		if got := redisField(info, want.field); got != want.value {
			return fmt.Errorf("node %s says %s:%s, not %s", node.Addr(), want.field, got, want.value)
		}
	}
	return nil
}

// Addrs are the nodes' host:port.
func (c *Cluster) Addrs() []string {
	addrs := make([]string, len(c.Nodes))
	for i, node := range c.Nodes {
		addrs[i] = node.Addr()
	}
	return addrs
}

// Close ends all nodes for good. It may be called again.
func (c *Cluster) Close() error {
	errs := make([]error, len(c.Nodes))
	for i, node := range c.Nodes {
		errs[i] = node.Close()
	}
	return errors.Join(errs...)
}
