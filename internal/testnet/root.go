package testnet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	// stagingDir is where the calling process's mount namespace, of which a node's is a copy, has
	// the tmpfs of shared binaries. Nodes have a /run of their own, so the host's is free to be covered.
	stagingDir = "/run"
	// sharedBinDir is where that tmpfs is in a node.
	sharedBinDir = "/run/testbed/bin"
	// newRoot is where the node's root is put together. Nodes have a /proc of their own, so the
	// host's is free to be covered.
	newRoot = "/proc"
)

// mountStaging makes the calling thread's mount namespace private and mounts the tmpfs for the
// binaries that the nodes share.
func mountStaging() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	return mountTmpfs(stagingDir)
}

// makeRoot builds the root of the named node in the calling process's own mount namespace and makes it
// the root.
//
//  1. a tmpfs, over the host's /proc
//  2. in it every top-level entry of the host's root, bound, except those that a node has to itself
//  3. the node's own /proc, /sys, /run and /node
//  4. the root is changed, and the old one let go
func makeRoot(name string) error {
	entries, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	if err := mountTmpfs(newRoot); err != nil {
		return err
	}
	for _, e := range entries {
		switch e.Name() {
		case "proc", "sys", "run", "node":
			continue
		}
		if err := bindEntry(e); err != nil {
			return err
		}
	}
	if err := mountOwn(name); err != nil {
		return err
	}
	if err := os.Chdir(newRoot); err != nil {
		return err
	}
	// The new root on itself: the old one then lies over it and can be detached (pivot_root(2)).
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("changing the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("letting the old root go: %w", err)
	}
	return os.Chdir("/")
}

// bindEntry gives the new root what the old root has under the entry's name: a symbolic link as a
// copy, folders with all mounts below them, other files bound.
func bindEntry(e fs.DirEntry) error {
	old, target := "/"+e.Name(), filepath.Join(newRoot, e.Name())
	if e.Type()&fs.ModeSymlink != 0 {
		to, err := os.Readlink(old)
		if err != nil {
			return err
		}
		return os.Symlink(to, target)
	}
	var err error
	if e.IsDir() {
		err = os.Mkdir(target, 0o755)
	} else {
		err = os.WriteFile(target, nil, 0o644)
	}
	if err != nil {
		return err
	}
	return bind(old, target)
}

// mountOwn mounts what a node has to itself.
func mountOwn(name string) error {
	for _, dir := range []string{"proc", "sys", "run", "node"} {
		if err := os.Mkdir(filepath.Join(newRoot, dir), 0o755); err != nil {
			return err
		}
	}

	// /run, and in it the shared binaries
	if err := mountTmpfs(newRoot + "/run"); err != nil {
		return err
	}
	if err := os.MkdirAll(newRoot+sharedBinDir, 0o755); err != nil {
		return err
	}
	if err := bind(stagingDir, newRoot+sharedBinDir); err != nil {
		return err
	}

	if err := mountTmpfs(newRoot + "/node"); err != nil {
		return err
	}
	if err := os.WriteFile(newRoot+"/node/name", []byte(name+"\n"), 0o644); err != nil {
		return err
	}

	// /sys/class/net is that of the network namespace of whoever mounts it. What is mounted below
	// /sys on the host (cgroups, tracing, ...) lies below two folders that do not depend on it.
	if err := mount("sysfs", newRoot+"/sys"); err != nil {
		return err
	}
	for _, dir := range []string{"/sys/fs", "/sys/kernel"} {
		if err := bind(dir, newRoot+dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return mount("proc", newRoot+"/proc")
}

// bind binds old, with all mounts below it, to target.
func bind(old, target string) error {
	if err := unix.Mount(old, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("binding %s: %w", old, err)
	}
	return nil
}

// mount mounts a file system without device or options.
func mount(fstype, target string) error {
	err := unix.Mount(fstype, target, fstype, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if err != nil {
		return fmt.Errorf("mounting %s: %w", fstype, err)
	}
	return nil
}

// mountTmpfs mounts an empty tmpfs that everybody may read and root may write.
func mountTmpfs(target string) error {
	if err := unix.Mount("tmpfs", target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mounting tmpfs on %s: %w", target, err)
	}
	return nil
}
