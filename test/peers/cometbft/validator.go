package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	cfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/proxy"
	"github.com/cometbft/cometbft/types"
	cmttime "github.com/cometbft/cometbft/types/time"
)

// tuning is what of CometBFT's settings is worth trying.
type tuning struct {
	Pause  time.Duration // after a block, for more transactions to gather
	Gossip time.Duration // how long routines that find nothing for a peer rest
	Flush  time.Duration // how long what is sent gathers
	Early  bool          // signatures are checked as transactions come, not by block
}

// home is the directory of the index-th validator.
func home(dir string, index int) string { return filepath.Join(dir, "validator-"+strconv.Itoa(index)) }

// settings returns a validator's configuration. All that the measurement does
// not need is off: indexes, rechecks, peer exchange, stored results.
func settings(dir string, index int, p2pPorts, rpcPorts []int, t tuning) (*cfg.Config, error) {
	c := cfg.DefaultConfig()
	c.SetRoot(home(dir, index))
	c.LogLevel = "error"
	c.RPC.ListenAddress = "tcp://127.0.0.1:" + strconv.Itoa(rpcPorts[index])
	c.RPC.MaxRequestBatchSize, c.RPC.MaxBodyBytes = 10_000, 64<<20
	c.P2P.ListenAddress = "tcp://127.0.0.1:" + strconv.Itoa(p2pPorts[index])
	c.P2P.AddrBookStrict, c.P2P.AllowDuplicateIP, c.P2P.PexReactor = false, true, false
	c.P2P.SendRate, c.P2P.RecvRate = 1<<30, 1<<30
	c.P2P.FlushThrottleTimeout, c.P2P.MaxPacketMsgPayloadSize = t.Flush, 64<<10
	for other := range p2pPorts {
		if other == index {
			continue
		}
		key, err := p2p.LoadOrGenNodeKey(nodeKeyFile(dir, other))
		if err != nil {
			return nil, err
		}
		if c.P2P.PersistentPeers != "" {
			c.P2P.PersistentPeers += ","
		}
		c.P2P.PersistentPeers += p2p.IDAddressString(key.ID(), "127.0.0.1:"+strconv.Itoa(p2pPorts[other]))
	}
	c.Mempool.Recheck = false
	c.Mempool.Size, c.Mempool.CacheSize, c.Mempool.MaxTxsBytes = 100_000, 200_000, 1<<30
	c.Consensus.TimeoutCommit, c.Consensus.SkipTimeoutCommit = t.Pause, false
	c.Consensus.CreateEmptyBlocks = false
	c.Consensus.PeerGossipSleepDuration = t.Gossip
	c.Storage.DiscardABCIResponses = true
	c.TxIndex.Indexer = "null"
	return c, c.ValidateBasic()
}

func nodeKeyFile(dir string, index int) string {
	return filepath.Join(home(dir, index), "config", "node_key.json")
}

// found makes the keys of all validators and the genesis that they share.
func found(dir string, validators int) error {
	genesis := &types.GenesisDoc{
		GenesisTime: cmttime.Now(), ChainID: "cometbft-beside-librum", ConsensusParams: types.DefaultConsensusParams(), InitialHeight: 1,
	}
	for i := range validators {
		c := cfg.DefaultConfig().SetRoot(home(dir, i))
		for _, d := range []string{"config", "data"} {
			if err := os.MkdirAll(filepath.Join(c.RootDir, d), 0o700); err != nil {
				return err
			}
		}
		key, err := privval.LoadOrGenFilePV(c.PrivValidatorKeyFile(), c.PrivValidatorStateFile()).GetPubKey()
		if err != nil {
			return err
		}
		if _, err := p2p.LoadOrGenNodeKey(nodeKeyFile(dir, i)); err != nil {
			return err
		}
		genesis.Validators = append(genesis.Validators, types.GenesisValidator{Address: key.Address(), PubKey: key, Power: 10})
	}
	for i := range validators {
		if err := genesis.SaveAs(filepath.Join(home(dir, i), "config", "genesis.json")); err != nil {
			return err
		}
	}
	return nil
}

// validator is one validator with its application.
type validator struct {
	app  *app
	node *node.Node
}

func openValidator(c *cfg.Config, accounts int, early bool) (*validator, error) {
	a, err := openApp(filepath.Join(c.RootDir, "app"), accounts, early, time.Now)
	if err != nil {
		return nil, err
	}
	logger := log.NewFilter(log.NewTMLogger(log.NewSyncWriter(os.Stderr)), log.AllowError(), log.AllowNoneWith("module", "p2p"))
	n, err := validatorNode(c, a, logger)
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	return &validator{app: a, node: n}, nil
}

func validatorNode(c *cfg.Config, a *app, logger log.Logger) (*node.Node, error) {
	key, err := p2p.LoadNodeKey(c.NodeKeyFile())
	if err != nil {
		return nil, err
	}
	// A lock for each of CometBFT's connections: transactions are let in while a
	// block is executed; what both touch the application guards itself.
	return node.NewNode(c, privval.LoadFilePV(c.PrivValidatorKeyFile(), c.PrivValidatorStateFile()), key,
		proxy.NewConnSyncLocalClientCreator(a), node.DefaultGenesisDocProviderFunc(c), cfg.DefaultDBProvider,
		node.DefaultMetricsProvider(c.Instrumentation), logger)
}
